/** The panel beside the picture: layers, thresholds, changes by hand, and the list of objects. */

import { make } from "../viewport/page/dom.mjs";
import { EditBar } from "./edit_bar.mjs";
import { GroupForm } from "./group_form.mjs";
import { InstanceList } from "./instance_list.mjs";
import { LayersCard } from "./layers_card.mjs";
import { MadeCard } from "./made_card.mjs";
import { Thresholds } from "./thresholds.mjs";

export class Side {
  /** @param {object} ask what the parts ask for; see each */
  constructor(ask) {
    this.root = document.getElementById("segment-side");
    this.layers = new LayersCard(ask);
    this.thresholds = new Thresholds(ask.onLeast);
    this.edit = new EditBar(ask.onCommand);
    this.list = new InstanceList(ask);
    this.form = new GroupForm(ask.onGroup);
    this.made = new MadeCard();
    this.count = make("span", { class: "quiet" });
    this.group = card("Group again", [this.form.element], null, false);
    this.parts = [
      card("Layers", [this.layers.element]),
      card(
        "Objects",
        [this.thresholds.element, this.edit.element, this.list.element],
        this.count,
      ),
      this.group,
      card("How it was made", [this.made.element], null, false),
    ];
    for (const part of this.parts) part.hidden = true;
    this.root?.replaceChildren(...this.parts);
  }

  dispose() {
    this.root?.replaceChildren();
  }

  /** Show the form, open. */
  showForm() {
    this.group.open = true;
    this.group.scrollIntoView({ block: "nearest" });
    this.form.focus();
  }

  /**
   * @param {{details, layer, beside, mayEdit}} now
   * @param {{rows, shown, least}} objects of the layer in the picture
   * @param {object} changing see `EditBar.update`
   */
  update(now, { rows, shown, least }, changing) {
    const [layers, objects, group, made] = this.parts;
    layers.hidden = !now.details?.layers.length;
    objects.hidden = !now.layer;
    group.hidden = layers.hidden;
    made.hidden = true;
    if (layers.hidden) return;
    this.layers.update(now);
    this.form.update(now.details, now.mayEdit);
    if (!now.layer) return;
    this.thresholds.update(rows, least);
    this.edit.update(changing);
    const told = now.details.layers.find(({ layer }) => layer === now.layer);
    if (told) made.hidden = !this.made.update(told, now.details);
    this.list.update(shown, changing.mayChange);
    this.count.textContent =
      shown.length < rows.length ? `${shown.length} of ${rows.length}` : String(rows.length);
  }
}

function card(title, children, note = null, isOpen = true) {
  const element = make(
    "details",
    { class: "card", attributes: { "data-card": title } },
    make("summary", {}, make("h2", { text: title }), note),
    make("div", { class: "card-body" }, ...children),
  );
  element.open = isOpen;
  return element;
}

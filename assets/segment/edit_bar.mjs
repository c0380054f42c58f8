/** What one can do with the chosen objects, whether it is saved, and the way back. */

import { make } from "../viewport/page/dom.mjs";
import { grouped } from "../viewport/page/format.mjs";
import { button as iconButton } from "../viewport/page/widgets.mjs";

const COMMANDS = {
  merge: ["Merge", "Make one object of the chosen ones (M)"],
  split: ["Split", "Take the chosen object apart by where its points vote (X)"],
  remove: ["Remove", "The chosen objects are no objects (Delete)"],
  carve: ["New object", "Make an object of the outlined points (N)"],
};

export class EditBar {
  /** @param {(name: string) => void} ask a command */
  constructor(ask) {
    this.ask = ask;
    this.buttons = Object.fromEntries(
      Object.entries(COMMANDS).map(([name, [text, title]]) => [
        name,
        make("button", {
          class: "button",
          text,
          title,
          attributes: { type: "button" },
          on: { click: () => ask(name) },
        }),
      ]),
    );
    this.undo = iconButton("undo", "Undo the last change (Ctrl+Z)", () => ask("undo"));
    this.redo = iconButton("redo", "Redo it (Ctrl+Y)", () => ask("redo"));
    this.chosen = make("span", { class: "sg-chosen vp-num", attributes: { role: "status" } });
    this.saved = make("span", { class: "sg-saved", attributes: { role: "status" } });
    this.way = make("span", { class: "sg-way" });
    this.row = make(
      "div",
      { class: "sg-commands", attributes: { role: "toolbar" }, label: "Change by hand" },
      ...Object.values(this.buttons),
      make("span", { class: "sg-undo" }, this.undo, this.redo),
    );
    this.element = make(
      "div",
      { class: "sg-edit" },
      this.row,
      make("div", { class: "sg-state" }, this.chosen, this.saved, this.way),
    );
    this.key = "";
  }

  /**
   * @param {{mayChange, mayEdit, editing, hasEdits, isEdited}} now `mayEdit` says that this page
   *   may change anything, `mayChange` that it may change the layer in the picture
   */
  update({ mayChange, mayEdit, editing, hasEdits, isEdited }) {
    const { chosen, region, changes, saved, fault, isStale } = editing;
    const can = {
      merge: chosen.size > 1,
      split: chosen.size === 1,
      remove: chosen.size > 0,
      carve: region !== null,
    };
    for (const [name, element] of Object.entries(this.buttons)) {
      element.disabled = !mayChange || !can[name];
    }
    this.undo.disabled = !mayChange || !changes.done.length;
    this.redo.disabled = !mayChange || !changes.undone.length;
    this.chosen.textContent = chosenText(editing, mayChange, mayEdit);
    this.saved.dataset.kind = saved;
    this.saved.textContent =
      { saving: "saving", saved: "saved", fault: `not saved: ${fault}` }[saved] ?? "";
    const key = JSON.stringify([mayChange, mayEdit, hasEdits, isEdited, isStale, this.isSure]);
    if (key === this.key) return;
    this.key = key;
    this.way.replaceChildren(...this._way({ mayEdit, hasEdits, isEdited, isStale }));
  }

  _way({ mayEdit, hasEdits, isEdited, isStale }) {
    if (isStale) return [this._link("Load what is saved", "reload")];
    if (hasEdits && !isEdited) return [this._link("Go to your changes", "edited")];
    if (!isEdited || !mayEdit) return [];
    if (!this.isSure) return [this._link("Back to what was found", null)];
    return [
      make("span", { text: "Throw your changes away?" }),
      this._link("Yes", "drop"),
      this._link("No", null),
    ];
  }

  _link(text, command) {
    return make("button", {
      class: "vp-link",
      text,
      attributes: { type: "button" },
      on: {
        click: () => {
          this.isSure = command === null && !this.isSure;
          if (command) this.ask(command);
          else this.ask("look");
        },
      },
    });
  }
}

function chosenText({ chosen, region }, mayChange, mayEdit) {
  if (!mayEdit) return "Opened with the view link: it shows what there is and changes nothing.";
  if (!mayChange) return "This scan has a layer that was changed by hand.";
  if (region) {
    return `${grouped(region.reduce((sum, value) => sum + value, 0))} cells outlined`;
  }
  if (chosen.size) return `${chosen.size} chosen`;
  return "Click chooses an object, Shift adds; box or lasso outlines points";
}

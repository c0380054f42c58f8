/**
 * The card beside the picture: what is selected, what the picked point is, and the objects of the
 * frame. Lives in `#selection-root`, which the page's layout places and may take away again.
 */

import { make } from "../page/dom.mjs";
import { count, grouped, metres } from "../page/format.mjs";
import { ObjectsList } from "./objects_list.mjs";
import { PickCard, closeButton } from "./pick_card.mjs";
import { lengthsOf } from "./selection.mjs";

export class SelectionCard {
  /** @param {object} ask what pick card and list ask for, and onClear(), onForget() */
  constructor(ask) {
    this.hint = make("p", {
      class: "vp-quiet",
      text:
        "Click a point for what ODR and SCR do to it. Box (B) and lasso (L) select points, also " +
        "those behind others; so does a range in a chart. Shift adds, Alt takes away, Esc clears.",
    });
    this.selected = make("section", { class: "vp-selected", label: "Selected" });
    this.ask = ask;
    this.pick = new PickCard({ ...ask, onClose: ask.onForget });
    this.objects = new ObjectsList(ask);
    this.element = make(
      "div",
      { class: "vp-selection" },
      this.hint,
      this.selected,
      this.pick.element,
      this.objects.element,
    );
  }

  /** Put the card in its place if the page has one. */
  mount() {
    const place = document.getElementById("selection-root");
    if (place && this.element.parentElement !== place) place.replaceChildren(this.element);
  }

  /**
   * @param {{scene, shown, perCell, selection, picked, hidden, isolated}} chosen
   * @param {?object} facts of the picked point @param {object} around of PickCard.update
   */
  update(chosen, facts, around) {
    this.mount();
    const { shown, selection } = chosen;
    this.hint.hidden = Boolean(facts || selection);
    this._selected(selection, shown);
    this.pick.update(facts, around);
    this.objects.update(shown ? chosen : null);
  }

  _selected(selection, shown) {
    this.selected.hidden = !selection;
    if (!selection) return;
    if (selection === this.said?.selection && shown?.frame === this.said.frame) return;
    this.said = { selection, frame: shown?.frame };
    const { numPoints, numCells, label } = selection;
    this.selected.replaceChildren(
      make(
        "div",
        { class: "vp-card-head" },
        make("h3", { class: "vp-num", text: `${grouped(numPoints)} points selected` }),
        closeButton("Clear the selection", () => this.ask.onClear()),
      ),
      make("p", { class: "vp-quiet vp-num", text: `${count(numCells)} cells, from ${label}.` }),
      shown ? make("p", { class: "vp-num", text: lengthsText(selection, shown.frame) }) : "",
    );
  }
}

/** What the selected cells' offsets are like now, in words. */
function lengthsText({ mask, numCells }, frame) {
  const mean = (which) => {
    const lengths = lengthsOf(frame, which);
    let sum = 0;
    for (let cell = 0; cell < mask.length; cell++) if (mask[cell]) sum += lengths[cell];
    return metres(sum / numCells);
  };
  let grouping = 0;
  const rows = new Set();
  for (let cell = 0; cell < mask.length; cell++) {
    if (!mask[cell] || frame.instance[cell] < 0) continue;
    grouping += 1;
    rows.add(frame.instance[cell]);
  }
  const share = Math.round((100 * grouping) / numCells);
  return (
    `Mean offset ${mean("before")} before ODR, ${mean("after")} after; ` +
    `${share} % in ${grouped(rows.size)} pseudo-instances.`
  );
}

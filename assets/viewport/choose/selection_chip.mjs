/** Says over the picture what is chosen, so that nobody forgets it, and takes it back. */

import { make } from "../page/dom.mjs";
import { closeButton } from "./pick_card.mjs";
import { chipText } from "./selecting.mjs";
import { nameOf } from "./visibility.mjs";

export class SelectionChip {
  /** @param {{onClear: Function, onShowAll: Function, onEndCompare: Function}} ask */
  constructor(ask) {
    this.ask = ask;
    this.element = make("div", { class: "vp-chips" });
    this.key = "";
  }

  /** @param {{selection, hidden, isolated, shown, pinned, figures}} chosen */
  update({ selection, hidden, isolated, shown, pinned, figures }) {
    const texts = [];
    if (selection) texts.push([chipText(selection), "Clear the selection (Esc)", this.ask.onClear]);
    if (isolated) {
      const [kind, id] = isolated.split(":");
      const isHere = kind === "segment" || shown?.slots.includes(Number(id));
      const words = isHere
        ? `${nameOf(isolated)} alone`
        : `${nameOf(isolated)} alone: not in this frame`;
      texts.push([words, "Show all", this.ask.onShowAll]);
    } else if (hidden.size) {
      texts.push([`hidden: ${listOf([...hidden].map(nameOf))}`, "Show all", this.ask.onShowAll]);
    }
    if (pinned)
      texts.push([compareText(pinned, figures), "End the comparison (M)", this.ask.onEndCompare]);
    const key = JSON.stringify(texts.map(([text]) => text));
    if (key === this.key) return;
    this.key = key;
    this.element.replaceChildren(
      ...texts.map(([text, title, onClose]) =>
        make(
          "div",
          { class: "vp-chip" },
          make("span", { class: "vp-num", text }),
          closeButton(title, onClose),
        ),
      ),
    );
  }
}

function compareText({ frame }, figures) {
  const from = `compared with step ${frame.step}`;
  if (!figures) return from;
  const ari = figures.ari === null ? "" : `ARI ${figures.ari.toFixed(3)}, `;
  const share = (100 * figures.share).toFixed(figures.share < 0.1 ? 1 : 0);
  return `${from}: ${ari}${share} % of grouped cells changed object`;
}

function listOf(names) {
  return names.length > 3
    ? `${names.slice(0, 2).join(", ")} and ${names.length - 2} more`
    : names.join(", ");
}

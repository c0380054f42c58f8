/** Over the picture: a name above each pane, and what lies under the pointer. */

import { make } from "../viewport/page/dom.mjs";

export class Overlay {
  constructor() {
    this.names = make("div", { class: "sg-pane-names" });
    this.tip = make("div", { class: "sg-tip", attributes: { "aria-hidden": "true" } });
    this.tip.hidden = true;
    this.elements = [this.names, this.tip];
    this.key = "";
  }

  /** @param {{title: string, text: string, figures: string}[]} panes @param {object[]} boxes */
  name(panes, boxes) {
    const key = JSON.stringify([panes, boxes]);
    if (key === this.key) return;
    this.key = key;
    this.names.replaceChildren(
      ...panes.map(({ title, text, figures }, pane) => {
        const { x, y, width } = boxes[pane];
        const name = make(
          "div",
          { class: "sg-pane-name" },
          make("span", {}, make("b", { text: title }), " ", text),
          figures ? make("span", { class: "vp-num vp-quiet", text: figures }) : null,
        );
        Object.assign(name.style, { left: `${x + width / 2}px`, top: `${y + 10}px` });
        return name;
      }),
    );
  }

  /** @param {?{text: string, x: number, y: number}} at place in the picture, in css pixels */
  point(at) {
    this.tip.hidden = !at;
    if (!at) return;
    this.tip.textContent = at.text;
    Object.assign(this.tip.style, { left: `${at.x + 14}px`, top: `${at.y + 12}px` });
  }
}

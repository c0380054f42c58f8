/** What is drawn besides the points: votes and centroids, arrows, trails; a list that folds. */

import { make } from "./dom.mjs";
import { icon } from "./icons.mjs";
import { range, setRange } from "./widgets.mjs";

const ARROWS = {
  before: "Offsets before ODR",
  after: "Offsets after ODR",
  target: "Ways to the targets",
};
export const MOST_TRAIL_FRAMES = 32;

export class Layers {
  /** @param {(values: object) => void} onLook told {centroids}, {arrows} or {trailFrames} */
  constructor(onLook) {
    this.votes = check("Votes and centroids", null, (isOn) => onLook({ centroids: isOn }));
    this.arrows = Object.entries(ARROWS).map(([name, label]) => {
      const box = check(label, name, () => onLook({ arrows: this._wanted() }));
      box.name = name;
      return box;
    });
    this.trails = range("Trails: frames back", 0, MOST_TRAIL_FRAMES, 1, (trailFrames) =>
      onLook({ trailFrames }),
    );
    this.trailWords = make("span", { class: "vp-quiet vp-num" });
    this.list = make(
      "div",
      { class: "vp-layers-list", label: "Layers", attributes: { role: "group" } },
      this.votes.element,
      make("div", { class: "vp-quiet", text: "Arrows" }),
      ...this.arrows.map(({ element }) => element),
      make(
        "label",
        { class: "vp-layers-trails" },
        make("span", { text: "Trails of the centroids" }),
        this.trails,
        this.trailWords,
      ),
    );
    this.summary = make(
      "summary",
      { class: "vp-layers-face", title: "Votes, arrows and trails" },
      icon("centroids"),
      make("span", { text: "Layers" }),
    );
    this.element = make(
      "details",
      {
        class: "vp-layers",
        on: {
          keydown: (event) => {
            if (event.key !== "Escape" || !this.element.open) return;
            this.element.open = false;
            this.summary.focus();
            event.stopPropagation();
          },
          focusout: ({ relatedTarget }) => {
            if (relatedTarget && !this.element.contains(relatedTarget)) this.element.open = false;
          },
        },
      },
      this.summary,
      this.list,
    );
  }

  update({ centroids, arrows, trailFrames }, isPossible) {
    this.votes.input.checked = centroids;
    for (const { name, input } of this.arrows) input.checked = arrows.includes(name);
    setRange(this.trails, trailFrames);
    this.trailWords.textContent = trailFrames ? `${trailFrames} frames` : "none";
    for (const { input } of [this.votes, ...this.arrows]) input.disabled = !isPossible;
    this.trails.disabled = !isPossible;
  }

  _wanted() {
    return this.arrows.filter(({ input }) => input.checked).map(({ name }) => name);
  }
}

function check(text, quantity, onChange) {
  const input = make("input", {
    attributes: { type: "checkbox" },
    on: { change: () => onChange(input.checked) },
  });
  const dot =
    quantity && make("span", { class: "vp-dot", attributes: { "data-quantity": quantity } });
  return { input, element: make("label", { class: "vp-check" }, input, dot, text) };
}

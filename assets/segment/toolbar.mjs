/** The controls above the picture of a segmentation. Holds no state, as the toolbar of a run. */

import { make } from "../viewport/page/dom.mjs";
import { inputKind } from "../viewport/draw/records.mjs";
import { makeWalls } from "../viewport/page/toolbar.mjs";
import { choices, end, group, range, select, setRange, toggle } from "../viewport/page/widgets.mjs";

export const COLOURINGS = {
  instance: "Object",
  input: "Colour",
  height: "Height",
  score: "Score",
  plane: "Planes",
};

const VOTES = {
  target: ["Centroid", "Every point goes to the centroid of its object"],
  before: ["Vote", "Every point goes where the network says that its object has its centre"],
};

export function colouringsOf(scene) {
  const has = { ...COLOURINGS };
  if (inputKind(scene) === null) delete has.input;
  if (inputKind(scene) === "intensity") has.input = "Intensity";
  return has;
}

export class ResultToolbar {
  /** @param {object} ask onLook, onCollapse */
  constructor(ask) {
    this.colouring = select("Colouring", (colouring) => ask.onLook({ colouring }));
    this.points = end("points", "Every point where it was measured (T)", () => ask.onCollapse(0));
    this.collapse = range("Points to centroids", 0, 1, 0.01, (t) => ask.onLook({ t }));
    this.ends = end("centroids", "Every point at the centre of its object (T)", () =>
      ask.onCollapse(1),
    );
    this.votes = choices(
      "Points go to",
      Object.entries(VOTES).map(([votes, [label, title]]) => [
        votes,
        { label, title, content: [label] },
      ]),
      (votes) => ask.onLook({ votes }),
    );
    this.way = group(this.points, this.collapse, this.ends);
    this.way.classList.add("vp-collapse");
    this.walls = makeWalls((walls) => ask.onLook({ walls }));
    this.centroids = toggle("centroids", "Centroids (C)", (centroids) => ask.onLook({ centroids }));
    this.element = make(
      "div",
      { class: "vp-toolbar", label: "Viewport controls", attributes: { role: "toolbar" } },
      group(this.colouring.element),
      this.way,
      this.votes.element,
      group(this.walls.element, this.centroids),
    );
  }

  update({ scene, look, canCollapse, hasVotes }) {
    const options = scene ? Object.entries(colouringsOf(scene)) : [];
    this.colouring.set(options, look.colouring);
    for (const part of [this.collapse, this.points, this.ends]) part.disabled = !canCollapse;
    setRange(this.collapse, look.t);
    this.collapse.setAttribute(
      "aria-valuetext",
      `${Math.round(look.t * 100)} % of the way to the centroids`,
    );
    this.points.toggleAttribute("data-reached", look.t < 0.5);
    this.ends.toggleAttribute("data-reached", look.t >= 0.5);
    this.ends.textContent = look.votes === "before" ? "votes" : "centroids";
    this.votes.element.hidden = !hasVotes;
    this.votes.set(look.votes);
    this.walls.set(look.walls);
    this.centroids.disabled = !canCollapse;
    this.centroids.setAttribute("aria-pressed", String(look.centroids));
  }
}

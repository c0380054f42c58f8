/** The controls above the picture. Holds no state: shows what it is told, says what is asked. */

import { icon, make } from "./dom.mjs";
import { inputKind } from "./records.mjs";
import { button, choices, end, group, range, select, setRange, toggle } from "./widgets.mjs";

export const COLOURINGS = {
  input: "Input",
  height: "Height",
  features: "Features (PCA)",
  segment: "Segment",
  instance: "Pseudo-instance",
  truth: "Ground truth",
};

export const VOTES = {
  before: { label: "Before ODR", hint: "Teacher offsets as the teacher predicts them (1)" },
  after: { label: "After ODR", hint: "Teacher offsets given the prior's lengths (2)" },
  target: { label: "Target", hint: "Centroid of each cell's pseudo-instance (3)" },
};

const WALL_CHOICES = {
  all: { label: "All walls", hint: "Floors, walls and ceilings all drawn" },
  cut: { label: "Cut away", hint: "Walls and ceilings that hide the inside left out" },
  hidden: { label: "No walls", hint: "Floors, walls, ceilings and ground left out" },
};

export class Toolbar {
  /** @param {object} ask onScene, onLook, onCollapse */
  constructor(ask) {
    this.scene = select("Scene", ask.onScene);
    this.scene.element.classList.add("vp-scene");
    this.colouring = select("Colouring", (colouring) => ask.onLook({ colouring }));
    this.votes = choices(
      "Votes",
      Object.entries(VOTES).map(([votes, { label, hint }]) => {
        const dot = make("span", { class: "vp-dot", attributes: { "data-quantity": votes } });
        const [short, rest = ""] = label.split(/(?= )/);
        const name = make("span", {}, short, make("span", { class: "vp-more", text: rest }));
        return [votes, { label, title: `${label}: ${hint}`, content: [dot, name] }];
      }),
      (votes) => ask.onLook({ votes }),
    );
    this.points = end("points", "Every point where it was measured (T)", () => ask.onCollapse(0));
    this.collapse = range("Points to centroids", 0, 1, 0.01, (t) => ask.onLook({ t }));
    this.ends = end("centroids", "Every point at the centroid it votes for (T)", () =>
      ask.onCollapse(1),
    );
    this.walls = makeWalls((walls) => ask.onLook({ walls }));
    this.centroids = toggle("centroids", "Votes and pseudo-instance centroids (C)", (centroids) =>
      ask.onLook({ centroids }),
    );
    const collapse = group(this.points, this.collapse, this.ends);
    collapse.classList.add("vp-collapse");
    this.element = make(
      "div",
      { class: "vp-toolbar", label: "Viewport controls", attributes: { role: "toolbar" } },
      group(this.scene.element, this.colouring.element),
      this.votes.element,
      collapse,
      group(this.walls.element, this.centroids),
    );
  }

  update({ scenes, sceneId, scene, look, hasFrame }) {
    this.scene.set(
      scenes.map((id) => [id, id]),
      sceneId,
    );
    const kind = scene && inputKind(scene);
    const options = Object.entries(COLOURINGS)
      .filter(([key]) => (key === "input" ? kind : key === "truth" ? scene?.instance : true))
      .map(([key, label]) => [key, key === "input" && kind === "intensity" ? "Intensity" : label]);
    this.colouring.set(options, look.colouring);
    this.votes.set(look.votes, !hasFrame);
    this.collapse.disabled = !hasFrame;
    setRange(this.collapse, look.t);
    this.collapse.setAttribute(
      "aria-valuetext",
      `${Math.round(look.t * 100)} % of the way to the centroids`,
    );
    this.points.toggleAttribute("data-reached", look.t < 0.5);
    this.ends.toggleAttribute("data-reached", look.t >= 0.5);
    this.walls.set(look.walls);
    this.centroids.setAttribute("aria-pressed", String(look.centroids));
  }
}

/** Which walls are drawn. */
export function makeWalls(onPick) {
  return choices(
    "Walls",
    Object.entries(WALL_CHOICES).map(([walls, { label, hint }]) => {
      const content = [icon(`walls-${walls}`)];
      return [walls, { label, title: `${label}: ${hint} (P)`, content }];
    }),
    onPick,
  );
}

/** What one does with the picture as a whole; in a corner of it. */
export function makeActions({ onSize, onReset, onScreenshot, onFull, onHelp }) {
  return make(
    "div",
    { class: "vp-actions", label: "Picture", attributes: { role: "toolbar" } },
    button("reset", "Reset view (R)", onReset),
    button("camera", "Save picture as PNG", onScreenshot),
    button("full", "Full screen (F)", onFull),
    button("help", "Keyboard (?)", onHelp),
    make("hr", { class: "vp-rule" }),
    button("larger", "Larger points (+)", () => onSize(1)),
    button("smaller", "Smaller points (-)", () => onSize(-1)),
  );
}

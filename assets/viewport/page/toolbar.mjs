/** The controls above the picture. Holds no state: shows what it is told, says what is asked. */

import { make } from "./dom.mjs";
import { icon } from "./icons.mjs";
import { inputKind } from "../draw/records.mjs";
import { Layers } from "./layers.mjs";
import { PRESETS } from "../choose/comparing.mjs";
import { button, choices, end, group, range, select, setRange } from "./widgets.mjs";

export const COLOURINGS = {
  input: "Input",
  height: "Height",
  features: "Features (PCA)",
  segment: "Segment",
  instance: "Pseudo-instance",
  truth: "Ground truth",
  difference: "Difference",
};

const TOOLS = {
  orbit: "Turn the view (O)",
  box: "Select with a box (B)",
  lasso: "Select with a lasso (L)",
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
  /** @param {object} ask onScene, onLook, onCollapse, onPanes, onCompare */
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
    this.layers = new Layers((values) => ask.onLook(values));
    this.panes = select("Panes", (panes) =>
      panes === "compare" ? ask.onCompare() : ask.onPanes(panes),
    );
    const collapse = group(this.points, this.collapse, this.ends);
    collapse.classList.add("vp-collapse");
    const views = group(this.walls.element, this.layers.element, this.panes.element);
    views.classList.add("vp-views");
    this.element = make(
      "div",
      { class: "vp-toolbar", label: "Viewport controls", attributes: { role: "toolbar" } },
      group(this.scene.element, this.colouring.element),
      this.votes.element,
      collapse,
      views,
    );
  }

  /** @param {object} shown look is what was asked for; comparing decides for the panes */
  update({ scenes, sceneId, scene, look, hasFrame, comparing }) {
    this.scene.set(
      scenes.map((id) => [id, id]),
      sceneId,
    );
    const kind = scene && inputKind(scene);
    const has = { input: kind, truth: scene?.instance, difference: comparing.pinned };
    const options = Object.entries(COLOURINGS)
      .filter(([key]) => !(key in has) || has[key])
      .map(([key, label]) => [key, key === "input" && kind === "intensity" ? "Intensity" : label]);
    this.colouring.set(options, look.colouring);
    this.colouring.disable(comparing.decides("colouring"));
    this.votes.set(look.votes, !hasFrame || comparing.decides("votes"));
    this.panes.set(
      [
        ...Object.entries(PRESETS).map(([preset, { label }]) => [preset, label]),
        [
          "compare",
          comparing.pinned ? `With step ${comparing.pinned.frame.step}` : "Compare from here",
        ],
      ],
      comparing.pinned ? "compare" : comparing.preset,
    );
    this.panes.disable(!hasFrame);
    this.collapse.disabled = !hasFrame;
    setRange(this.collapse, look.t);
    this.collapse.setAttribute(
      "aria-valuetext",
      `${Math.round(look.t * 100)} % of the way to the centroids`,
    );
    this.points.toggleAttribute("data-reached", look.t < 0.5);
    this.ends.toggleAttribute("data-reached", look.t >= 0.5);
    this.walls.set(look.walls);
    this.layers.update(look, hasFrame);
  }
}

/** What the pointer does in the picture. */
export function makeTools(onPick) {
  const tools = choices(
    "Pointer",
    Object.entries(TOOLS).map(([tool, title]) => {
      return [tool, { label: title.replace(/ \(.\)$/, ""), title, content: [icon(tool)] }];
    }),
    onPick,
  );
  tools.element.classList.add("vp-tools");
  return tools;
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

/**
 * What one does with the picture as a whole; in a corner of it.
 * @param {(name: string, argument?: number) => void} ask does a command
 * @param {[string, string, string][]} more icon, title and command of what this page has besides
 */
export function makeActions(ask, more = []) {
  return make(
    "div",
    { class: "vp-actions", label: "Picture", attributes: { role: "toolbar" } },
    button("reset", "Reset view (R)", () => ask("reset")),
    button("camera", "Save picture as PNG", () => ask("screenshot")),
    button("full", "Full screen (F)", () => ask("full")),
    ...more.map(([name, title, command]) => button(name, title, () => ask(command))),
    button("help", "Keyboard (?)", () => ask("help")),
    make("hr", { class: "vp-rule" }),
    button("larger", "Larger points (+)", () => ask("size", 1)),
    button("smaller", "Smaller points (-)", () => ask("size", -1)),
  );
}

/** The controls above the picture of one scene. Holds no state, as the toolbar of a run. */

import { make } from "./dom.mjs";
import { inputKind } from "../draw/records.mjs";
import { makeWalls } from "./toolbar.mjs";
import { end, group, range, select, setRange, toggle } from "./widgets.mjs";

export const COLOURINGS = {
  input: "Colour",
  height: "Height",
  truth: "True instance",
  segment: "Class",
  plane: "Planes",
};

/** Colourings that a scene has, by name; `hasClasses` where its classes are known. */
export function colouringsOf(scene, { hasClasses }) {
  const has = {
    input: inputKind(scene) !== null,
    height: true,
    truth: scene.instance !== null,
    segment: hasClasses,
    plane: true,
  };
  const names = Object.entries(COLOURINGS).filter(([key]) => has[key]);
  return Object.fromEntries(
    names.map(([key, text]) => [
      key,
      key === "input" && inputKind(scene) === "intensity" ? "Intensity" : text,
    ]),
  );
}

export class SceneToolbar {
  /** @param {object} ask onLook, onCollapse */
  constructor(ask) {
    this.colouring = select("Colouring", (colouring) => ask.onLook({ colouring }));
    this.points = end("points", "Every point where it was measured (T)", () => ask.onCollapse(0));
    this.collapse = range("Points to true centroids", 0, 1, 0.01, (t) => ask.onLook({ t }));
    this.ends = end("true centroids", "Every point at the centroid of its instance (T)", () =>
      ask.onCollapse(1),
    );
    this.way = group(this.points, this.collapse, this.ends);
    this.way.classList.add("vp-collapse");
    this.walls = makeWalls((walls) => ask.onLook({ walls }));
    this.centroids = toggle("centroids", "True centroids (C)", (centroids) =>
      ask.onLook({ centroids }),
    );
    this.element = make(
      "div",
      { class: "vp-toolbar", label: "Viewport controls", attributes: { role: "toolbar" } },
      group(this.colouring.element),
      this.way,
      group(this.walls.element, this.centroids),
    );
  }

  update({ scene, truth, look, canCollapse }) {
    const hasClasses = truth !== null && truth.segment.some((segment) => segment !== 255);
    const options = scene ? Object.entries(colouringsOf(scene, { hasClasses })) : [];
    this.colouring.set(options, look.colouring);
    this.collapse.disabled = !canCollapse;
    this.points.disabled = !canCollapse;
    this.ends.disabled = !canCollapse;
    this.way.title = scene && !canCollapse ? "This scan holds no instances to collapse onto" : "";
    setRange(this.collapse, look.t);
    this.collapse.setAttribute(
      "aria-valuetext",
      `${Math.round(look.t * 100)} % of the way to the true centroids`,
    );
    this.points.toggleAttribute("data-reached", look.t < 0.5);
    this.ends.toggleAttribute("data-reached", look.t >= 0.5);
    this.walls.set(look.walls);
    this.centroids.disabled = !canCollapse;
    this.centroids.setAttribute("aria-pressed", String(look.centroids));
  }
}

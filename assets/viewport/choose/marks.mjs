/**
 * Drawn over the picture, not into it: the picked point with its offsets, its neighbours, and the
 * lasso while it is being drawn. Follows the camera by `view.project`.
 */

import { svg } from "../page/dom.mjs";
import { vectorAt } from "./pick_facts.mjs";

const DIAMOND = "M0 -5L5 0 0 5 -5 0z";

export class Marks {
  constructor() {
    this.lasso = svg("path", { class: "vp-lasso" });
    this.group = svg("g");
    this.element = svg("svg", { class: "vp-marks", "aria-hidden": "true" }, this.group, this.lasso);
    this.shown = null;
  }

  /** @param {?number[][]} polygon corners in css pixels of the canvas */
  drawLasso(polygon) {
    this.lasso.setAttribute(
      "d",
      polygon?.length ? `M${polygon.map((at) => at.join(" ")).join("L")}Z` : "",
    );
  }

  /** What to mark: {scene, picked, neighbours} or null. */
  show(shown) {
    this.shown = shown;
  }

  /** Put the marks where their points are drawn now; `looks` has t and votes of each pane. */
  place(view, looks) {
    if (!this.shown) {
      if (this.group.childNodes.length) this.group.replaceChildren();
      return;
    }
    this.group.replaceChildren(...looks.flatMap((look, pane) => this._pane(view, pane, look)));
  }

  _pane(view, pane, { t, votes }) {
    const { scene, picked, neighbours } = this.shown;
    const { frame } = view.panes[pane];
    const local = (array, index) => [0, 1, 2].map((axis) => array[3 * index + axis] * scene.scale);
    const wayOf = (cell, kind) => {
      if (!frame) return [0, 0, 0];
      if (kind === "before") return vectorAt(frame.offsetTeacher, cell);
      if (kind === "after") return vectorAt(frame.offsetRegularized, cell);
      const row = frame.instance[cell];
      if (row < 0) return [0, 0, 0];
      const from = local(scene.cellCoord, cell);
      return from.map((value, axis) => frame.centroid[3 * row + axis] - scene.origin[axis] - value);
    };
    const moved = (place, cell) => {
      if (!(t > 0)) return place;
      const way = wayOf(cell, votes);
      return place.map((value, axis) => value + t * way[axis]);
    };
    const onScreen = (place) => view.project(place, pane);
    const parts = [];
    const mark = (cell, kind) => {
      const at = onScreen(moved(local(scene.cellCoord, cell), cell));
      if (!at) return;
      const shape = kind === "alike" ? svg("circle", { r: 5 }) : svg("path", { d: DIAMOND });
      shape.setAttribute("class", `vp-neighbour is-${kind}`);
      shape.setAttribute("transform", `translate(${at.join(" ")})`);
      parts.push(shape);
    };
    for (const cell of neighbours?.near ?? []) mark(cell, "near");
    for (const cell of neighbours?.alike ?? []) mark(cell, "alike");
    const point = onScreen(moved(local(scene.coord, picked.point), picked.cell));
    const cellAt = local(scene.cellCoord, picked.cell);
    const from = onScreen(cellAt);
    if (frame && from && !(t > 0)) {
      for (const kind of ["target", "before", "after"]) {
        if (kind === "target" && frame.instance[picked.cell] < 0) continue;
        const way = wayOf(picked.cell, kind);
        const to = onScreen(cellAt.map((value, axis) => value + way[axis]));
        if (!to) continue;
        parts.push(
          svg("line", {
            x1: from[0],
            y1: from[1],
            x2: to[0],
            y2: to[1],
            class: `vp-way is-${kind}`,
          }),
          svg("circle", { cx: to[0], cy: to[1], r: 3.5, class: `vp-way-end is-${kind}` }),
        );
      }
    }
    if (point) {
      parts.push(
        svg("circle", { cx: point[0], cy: point[1], r: 9, class: "vp-picked-edge" }),
        svg("circle", { cx: point[0], cy: point[1], r: 9, class: "vp-picked" }),
      );
    }
    return parts;
  }
}

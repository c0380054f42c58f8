/** What is drawn of a segmentation, at the foot of the picture. */

import { make } from "../viewport/page/dom.mjs";
import { count, grouped } from "../viewport/page/format.mjs";
import { WALL_WORDS, bar, caption, entry, heightScale } from "../viewport/page/legend.mjs";
import { cssGradient } from "../viewport/draw/palette.mjs";
import { inputKind } from "../viewport/draw/records.mjs";

export class ResultLegend {
  constructor() {
    this.where = make("div", { class: "vp-legend-title" });
    this.drawn = make("div", { class: "vp-num vp-quiet" });
    this.scale = make("div", { class: "vp-legend-scale" });
    this.element = make("div", { class: "vp-legend" }, this.where, this.drawn, this.scale);
    this.element.hidden = true;
    this.key = "";
  }

  /** @param {{title, scene, points, drawn, look, colouring, shown, all}} picture */
  update({ title, scene, points, drawn, look, colouring, shown, all }) {
    this.element.hidden = !scene;
    if (!scene) return;
    this.where.textContent = title;
    const parts =
      drawn < points
        ? `drawing ${count(drawn)} of ${count(points)} points`
        : `${grouped(points)} points`;
    this.drawn.textContent = [parts, WALL_WORDS[look.walls]].filter(Boolean).join(" · ");
    const key = JSON.stringify([colouring, look.unassigned, shown, all]);
    if (key === this.key) return;
    this.key = key;
    this.scale.replaceChildren(...scaleOf(colouring, scene, shown, all));
  }
}

function scaleOf(colouring, scene, shown, all) {
  if (colouring === "height") return heightScale(scene);
  if (colouring === "plane") {
    return [
      entry("vp-swatch", { "data-quantity": "plane" }, "floor, walls, ceiling or ground"),
      entry("vp-swatch", { "data-quantity": "unassigned" }, "everything else"),
    ];
  }
  const none = entry("vp-swatch", { "data-quantity": "unassigned" }, "no object");
  if (colouring === "score") return [caption("Score"), bar(cssGradient(), "0", "1"), none];
  if (colouring === "instance") {
    const words = shown < all ? `${grouped(shown)} of ${grouped(all)}` : grouped(all);
    return [caption(`A colour an object, ${words} shown`), none];
  }
  const kind = inputKind(scene);
  return [caption(kind === "intensity" ? "Intensity, square root" : "Colour as scanned")];
}

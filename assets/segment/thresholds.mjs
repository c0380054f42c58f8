/** Least score and least size of the objects that are shown. */

import { make } from "../viewport/page/dom.mjs";
import { grouped } from "../viewport/page/format.mjs";
import { range, setRange } from "../viewport/page/widgets.mjs";
import { kept } from "./instances.mjs";

const STEPS = 100;

/** Sizes grow by a factor a step: position 0..100 to points, 0 = no threshold. Pure. */
export function pointsAt(position, most) {
  return position <= 0 ? 0 : Math.round(Math.max(most, 2) ** (position / STEPS));
}

export function positionOf(points, most) {
  if (points <= 0) return 0;
  return Math.min(Math.round((STEPS * Math.log(points)) / Math.log(Math.max(most, 2))), STEPS);
}

export class Thresholds {
  /** @param {(least: {score?: number, points?: number}) => void} onChange */
  constructor(onChange) {
    this.most = 2;
    this.score = range("Least score", 0, 1, 0.01, (score) => onChange({ score }));
    this.points = range("Least size", 0, STEPS, 1, (position) =>
      onChange({ points: pointsAt(position, this.most) }),
    );
    this.scoreText = make("output", { class: "vp-num" });
    this.pointsText = make("output", { class: "vp-num" });
    this.element = make(
      "div",
      { class: "sg-thresholds" },
      make("span", { text: "Least score" }),
      this.score,
      this.scoreText,
      make("span", { text: "Least size" }),
      this.points,
      this.pointsText,
    );
  }

  update(rows, least) {
    this.most = rows.reduce((most, { points }) => Math.max(most, points), 2);
    setRange(this.score, least.score);
    setRange(this.points, positionOf(least.points, this.most));
    this.scoreText.textContent = least.score.toFixed(2);
    this.pointsText.textContent = least.points ? `${grouped(least.points)} points` : "any";
    this.points.setAttribute("aria-valuetext", this.pointsText.textContent);
    const isNone = rows.length === 0;
    this.score.disabled = isNone;
    this.points.disabled = isNone;
    return kept(rows, least);
  }
}

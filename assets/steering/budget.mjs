/** What watching may cost, and what it does cost: a slider in percent and one line of figures. */

import { make } from "../viewport/page/dom.mjs";
import { setRange } from "../viewport/page/widgets.mjs";

export const FIELD = "log.watch_budget";
/** Shares of the time that the slider offers, about evenly spaced in the logarithm. */
export const SHARES = [0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.15, 0.2];

/** Place on the slider of the share that is nearest, as a ratio, to the one given. */
export function placeOf(share) {
  const gaps = SHARES.map((offered) => Math.abs(Math.log(offered / share)));
  return gaps.indexOf(Math.min(...gaps));
}

/** Steps between two frames, as the trainer plans them. */
export function frameEvery({ budget, frameS, stepS, least }) {
  if (!(frameS > 0 && stepS > 0)) return least;
  return Math.max(least, Math.ceil((frameS * (1 - budget)) / (budget * stepS)));
}

export function percent(share) {
  return `${Number((100 * share).toPrecision(2))} %`;
}

/**
 * The line beside the slider.
 * @param {{measured: number|null, every: number, left: number|null, stepS: number|null}} figures
 *   `left`: steps to the next frame; null while none is on its way
 */
export function budgetLine({ measured, every, left, stepS }) {
  const parts = [measured === null ? "not measured yet" : `measured ${percent(measured)}`];
  parts.push(every === 1 ? "a frame every step" : `a frame every ${every} steps`);
  if (left !== null && stepS > 0) {
    const seconds = left * stepS;
    parts.push(seconds < 1 ? "next now" : `next in ~${Math.round(seconds)} s`);
  }
  return parts.join(", ");
}

export class Budget {
  /** @param {{onChoose: (share: number) => void}} ask called when the slider is let go */
  constructor({ onChoose }) {
    this.value = null;
    this.input = make("input", {
      class: "vp-range",
      label: "Share of the trainer's time that watching may cost",
      attributes: { type: "range", min: 0, max: SHARES.length - 1, step: 1 },
      on: {
        input: () => this._show(SHARES[this.input.valueAsNumber]),
        change: () => onChoose(SHARES[this.input.valueAsNumber]),
      },
    });
    this.readout = make("output", { class: "st-budget-value" });
    this.line = make("p", { class: "caption" });
    this.element = make(
      "div",
      { class: "st-budget", title: "Share of the trainer's time that frames may take" },
      make("span", { text: "Watching may cost" }),
      this.input,
      this.readout,
      this.line,
    );
  }

  update({ value, isOpen, figures }) {
    this.input.disabled = !isOpen;
    if (value !== this.value) {
      this.value = value;
      this._show(value);
    }
    this.line.textContent = figures ? budgetLine(figures) : "not recorded by this run";
  }

  /** Back to the value in force: what was chosen is not sent. */
  back() {
    this._show(this.value);
  }

  _show(share) {
    setRange(this.input, placeOf(share));
    this.readout.textContent = `${percent(share)} of the time`;
    this.input.setAttribute("aria-valuetext", percent(share));
  }
}

/**
 * The range of lengths that is lit up: dragged over a chart, or typed in metres. Both end in one
 * call, `onRange({which, low, high})`; `which` is the offset that is measured.
 */

import { make } from "../viewport/page/dom.mjs";

const STEP_M = 0.01;

export class BrushForm {
  /**
   * @param {HTMLElement} root
   * @param {{onRange: Function, onClear: Function, onWhich: Function}} on
   */
  constructor(root, { onRange, onClear, onWhich }) {
    this.which = make(
      "select",
      { class: "odr-input", label: "Lengths of", on: { change: () => onWhich(this.which.value) } },
      make("option", { text: "before", attributes: { value: "before" } }),
      make("option", { text: "after", attributes: { value: "after" } }),
    );
    this.low = this._metres("From, in metres");
    this.high = this._metres("To, in metres");
    this.clear = make("button", {
      class: "odr-button",
      text: "Clear",
      attributes: { type: "button" },
      on: { click: () => onClear() },
    });
    const form = make(
      "form",
      { class: "odr-form", label: "Light up points by offset length" },
      this.which,
      this.low,
      make("span", { class: "quiet", text: "to" }),
      this.high,
      make("span", { class: "quiet", text: "m" }),
      make("button", { class: "odr-button", text: "Show", attributes: { type: "submit" } }),
      this.clear,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const range = readRange(this.low.value, this.high.value);
      this.low.setCustomValidity(range ? "" : "Two lengths in metres, the smaller one first.");
      if (range) onRange({ which: this.which.value, ...range });
      else this.low.reportValidity();
    });
    root.replaceChildren(form);
    this.show(null);
  }

  /** What is lit up now; null if it is no range of lengths. */
  show(rule) {
    const isRange = rule?.kind === "length";
    if (isRange) this.which.value = rule.which;
    this.low.value = isRange ? rounded(rule.low) : "";
    this.high.value = isRange && Number.isFinite(rule.high) ? rounded(rule.high) : "";
  }

  _metres(label) {
    const input = make("input", {
      class: "odr-input",
      label,
      attributes: { type: "number", min: 0, step: STEP_M, inputmode: "decimal" },
    });
    input.addEventListener("input", () => this.low.setCustomValidity(""));
    return input;
  }
}

/** Two typed lengths as a range, or null; an empty upper end has no end. */
export function readRange(low, high) {
  const [from, to] = [Number(low || 0), high === "" ? Infinity : Number(high)];
  return from >= 0 && to > from ? { low: from, high: to } : null;
}

/** The lengths that were dragged over, snapped outwards to whole bins where the chart has bins. */
export function snapRange(range, { view, max_m: end, num_bins: numBins }) {
  const [a, b] = [Math.min(...range), Math.max(...range)];
  if (view !== "density") return { low: Math.max(a, 0), high: b >= end ? Infinity : b };
  const width = end / numBins;
  const low = Math.max(Math.floor(a / width + 1e-6), 0);
  const high = Math.max(Math.ceil(b / width - 1e-6), low + 1);
  return { low: low * width, high: high >= numBins ? Infinity : high * width }; // last bin is open
}

function rounded(value) {
  return String(Math.round(value * 1000) / 1000);
}

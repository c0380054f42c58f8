/**
 * The ODR card and the viewport, linked both ways: a range of lengths lights up points, and a
 * selection of points is drawn over the prior, as the last trace of the chart of lengths.
 */

import { make } from "../viewport/dom.mjs";
import { BrushForm, snapRange } from "./brush.mjs";
import { bindOnce, chartOf, themeColor } from "./charts.mjs";
import { lengthsOf, sampleCells, selectedLengths, slopeAt, summarise, traceOf } from "./lengths.mjs";
import { metres, percent } from "./words.mjs";

const CHART = "odr-lengths";
const MOST_MARKERS = 300; // of a selection on the map

export class OdrPanel {
  constructor(viewport) {
    this.viewport = viewport; // window.pointinsViewport when it is asked
    this.lengths = new WeakMap(); // frame -> {before, after}
  }

  /** Take hold of what the page has drawn since the last call. */
  attach() {
    const root = document.getElementById("odr-brush");
    if (root && !root.firstChild) {
      this.form = new BrushForm(root, {
        onRange: (range) => this.viewport()?.selectLengths?.(range),
        onClear: () => this.viewport()?.clearSelection?.(),
        onWhich: () => this.paint(),
      });
    }
    bindOnce(CHART, (chart) => {
      chart.on("plotly_selected", (event) => this._brushed(chart, event));
      chart.on("plotly_doubleclick", () => this.viewport()?.clearSelection?.());
      chart.on("plotly_react", () => this.paint());
      this.paint();
    });
  }

  _brushed(chart, event) {
    const range = event?.range?.x;
    if (!range) return;
    const { view } = chart.layout.meta;
    const which = view === "map" ? "before" : (this.form?.which.value ?? "before");
    this.viewport()?.selectLengths?.({ which, ...snapRange(range, chart.layout.meta) });
    setTimeout(() => this.paint()); // Plotly is still drawing its own rectangle
  }

  /** Draw the selection of the shown frame over the prior, and say it in numbers. */
  paint() {
    const chart = chartOf(CHART);
    const current = this.viewport()?.current?.() ?? null;
    const rule = current?.selection?.rule ?? null;
    if (this.shownRule !== rule) this.form?.show(rule);
    this.shownRule = rule;
    if (!chart?.layout.meta || chart.data.at(-1)?.name !== "selection") return;
    const drawn = this._drawn(current, chart);
    this._tell(drawn);
    const shapes = (chart.layout.shapes ?? []).filter(({ name }) => name !== "brush");
    if (rule?.kind === "length") shapes.push(brushShape(rule, chart.layout.meta));
    window.Plotly.update(
      chart,
      { x: [drawn.trace.x], y: [drawn.trace.y], text: [drawn.trace.text ?? null] },
      { shapes, selections: [] },
      [chart.data.length - 1],
    );
  }

  /** @returns {{trace, summary, cells, points}} what stands for the selection in the chart */
  _drawn(current, chart) {
    const { meta } = chart.layout;
    if (!current) return { trace: { x: [], y: [] }, summary: null };
    const { frame, selection } = current;
    const level = frame.level ?? null;
    const lengths = this._lengthsOf(frame);
    const mask = selection?.mask ?? null;
    const which = this.form?.which.value ?? "before";
    const sorted = mask ? selectedLengths(lengths[which], mask, level) : new Float32Array(0);
    const summary = summarise(sorted, meta.prior);
    const numbers = { summary, numPoints: selection?.numPoints ?? 0, which };
    if (meta.view !== "map") return { ...numbers, trace: traceOf(meta, sorted, summary) };
    return { ...numbers, trace: this._mapTrace(current, chart, lengths, level) };
  }

  _mapTrace({ selection, picked }, chart, { before, after }, level) {
    const isPicked = Number.isInteger(picked) && picked >= 0;
    const cells = selection ? sampleCells(selection.mask, level, MOST_MARKERS) : [];
    if (isPicked) cells.push(picked);
    const map = chart.data.find(({ name }) => name === "after ODR");
    const text = cells.map((cell, k) => {
      if (!isPicked || k < cells.length - 1) return "";
      const slope = slopeAt(map.x, map.y, before[cell]);
      return `${metres(before[cell])} → ${metres(after[cell])}, slope ${number(slope)}`;
    });
    return { x: cells.map((cell) => before[cell]), y: cells.map((cell) => after[cell]), text };
  }

  _lengthsOf(frame) {
    if (!this.lengths.has(frame)) {
      const [before, after] = [frame.offsetTeacher, frame.offsetRegularized].map(lengthsOf);
      this.lengths.set(frame, { before, after });
    }
    return this.lengths.get(frame);
  }

  _tell({ summary, numPoints, which }) {
    const root = document.getElementById("odr-selection");
    if (!root) return;
    root.replaceChildren(...(summary ? [selectionRow(summary, numPoints, which)] : []));
  }
}

/** The selection as one more row below the table of the card. */
function selectionRow({ count, mean, zeroShare, w1 }, numPoints, which) {
  const head = make(
    "th",
    { attributes: { scope: "row" }, title: `Selected offsets ${which} ODR` },
    make("i", { class: "swatch swatch-selection" }),
    "selection",
  );
  const cells = [metres(w1), "", metres(mean), percent(zeroShare)];
  const counts = `${numPoints.toLocaleString("en")} points in ${count.toLocaleString("en")} cells`;
  return make(
    "table",
    { class: "figures", title: `${counts}, ${which} ODR` },
    make("caption", { class: "hidden-text", text: `Selection: ${counts}` }),
    make("tbody", {}, make("tr", {}, head, ...cells.map((text) => make("td", { text })))),
    make(
      "tfoot",
      {},
      make(
        "tr",
        {},
        make("td", { class: "quiet", text: `${counts}, ${which} ODR`, attributes: { colspan: 5 } }),
      ),
    ),
  );
}

function brushShape({ which, low, high }, meta) {
  const isAxis = meta.view !== "qq";
  return {
    name: "brush",
    type: "rect",
    layer: "below",
    xref: "x",
    yref: "paper",
    x0: low,
    x1: Math.min(high, meta.max_m),
    y0: 0,
    y1: 1,
    line: { width: 0 },
    fillcolor: themeColor(which === "after" ? "after" : "before"),
    opacity: 0.16,
    visible: isAxis && !(meta.view === "map" && which === "after"),
  };
}

function number(value) {
  return Number.isFinite(value) ? Number(value.toPrecision(2)).toString() : "steep";
}

/**
 * The ODR card and the viewport, linked both ways: a range of lengths lights up points, and a
 * selection of points is drawn over the prior, as the last trace of the chart of lengths.
 */

import { make } from "../viewport/page/dom.mjs";
import { lengthsOf } from "../viewport/choose/selection.mjs";
import { BrushForm, snapRange } from "./brush.mjs";
import { bindOnce, chartOf, themeColor } from "./charts.mjs";
import {
  sampleCells,
  selectedLengths,
  slopeAt,
  summarise,
  traceOf,
} from "./lengths.mjs";
import { metres, percent } from "./words.mjs";

const CHART = "odr-lengths";
const MOST_MARKERS = 300; // of a selection on the map
const SLOPE_WINDOW = 1 / 200; // of the axis: lengths nearer than this have no slope between them
const LABEL_SIDE = 0.5; // share of the axis beyond which a label stands to the left
const OWN_SHAPES = new Set(["brush", "picked"]);

export class OdrPanel {
  constructor(viewport) {
    this.viewport = viewport; // window.pointinsViewport when it is asked
  }

  /** Take hold of what the page has drawn since the last call. */
  attach() {
    const root = document.getElementById("odr-brush");
    if (root && !root.firstChild) {
      this.form = new BrushForm(root, {
        onRange: (range) => this._select(range),
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
    this._select({ which, ...snapRange(range, chart.layout.meta) });
    setTimeout(() => this.paint()); // Plotly is still drawing its own rectangle
  }

  /** Light up a range of lengths; one without an upper end reaches to the longest offset. */
  _select({ which, low, high }) {
    const frame = this.viewport()?.current?.()?.frame;
    if (!frame) return;
    const end = Number.isFinite(high) ? high : endOf(lengthsOf(frame, which), low);
    this.viewport().selectLengths({ which, low, high: end });
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
    const shapes = marksOf(current, rule, this.form?.which.value ?? "before", chart.layout.meta);
    const notes = (chart.layout.annotations ?? []).filter(({ name }) => name !== "selection");
    const cut = cutNote(drawn.trace, chart.layout, notes.length);
    const key = JSON.stringify([drawn.trace, shapes]);
    const isDrawn = chart.painted?.key === key && chart.painted.data === chart.data;
    if (isDrawn && !chart.layout.selections?.length) return;
    chart.painted = { key, data: chart.data };
    const others = (chart.layout.shapes ?? []).filter(({ name }) => !OWN_SHAPES.has(name));
    const { x, y, text = null, size } = drawn.trace;
    const isRight = size && x.at(-1) > LABEL_SIDE * chart.layout.meta.max_m; // of the picked point
    const sizes = size
      ? { "marker.size": [size], textposition: isRight ? "middle left" : "middle right" }
      : {};
    window.Plotly.update(
      chart,
      { x: [x], y: [y], text: [text], ...sizes },
      { shapes: [...others, ...shapes], annotations: [...notes, ...cut], selections: [] },
      [chart.data.length - 1],
    );
  }

  /** @returns {{trace, summary, cells, points}} what stands for the selection in the chart */
  _drawn(current, chart) {
    const { meta } = chart.layout;
    if (!current) return { trace: { x: [], y: [] }, summary: null };
    const { frame, selection } = current;
    const level = frame.level ?? null;
    const which = this.form?.which.value ?? "before";
    const sorted = selection
      ? selectedLengths(lengthsOf(frame, which), selection.mask, level)
      : new Float32Array(0);
    const summary = summarise(sorted, meta.prior);
    const numbers = { summary, numPoints: selection?.numPoints ?? 0, which };
    if (meta.view !== "map") return { ...numbers, trace: traceOf(meta, sorted, summary) };
    return { ...numbers, trace: mapTrace(current, chart) };
  }

  _tell({ summary, numPoints, which }) {
    const root = document.getElementById("odr-selection");
    if (!root) return;
    root.replaceChildren(...(summary ? selectionRow(summary, numPoints, which) : []));
  }
}

/** The selected cells on ODR's map, and the picked one with what ODR does to its length. */
function mapTrace({ frame, selection, picked }, chart) {
  const [before, after] = ["before", "after"].map((which) => lengthsOf(frame, which));
  const isPicked = Number.isInteger(picked);
  const cells = selection ? sampleCells(selection.mask, frame.level ?? null, MOST_MARKERS) : [];
  if (isPicked) cells.push(picked);
  const map = chart.data.find(({ name }) => name === "after ODR");
  const text = cells.map((cell, k) => {
    if (!isPicked || k < cells.length - 1) return "";
    if (frame.level && !frame.level[cell]) return `${metres(before[cell])}, left alone by ODR`;
    const slope = slopeAt(map.x, map.y, before[cell], SLOPE_WINDOW * chart.layout.meta.max_m);
    return `${metres(before[cell])} → ${metres(after[cell])}, slope ${number(slope)}`;
  });
  const size = cells.map((_, k) => (isPicked && k === cells.length - 1 ? 9 : 4));
  return { x: cells.map((cell) => before[cell]), y: cells.map((cell) => after[cell]), text, size };
}

/** A round length beyond the longest one, and beyond `low`. */
function endOf(lengths, low) {
  const longest = lengths.reduce((most, length) => Math.max(most, length), low);
  return Math.ceil(longest * 100 + 1) / 100;
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
  const row = make("tr", {}, head, ...cells.map((text) => make("td", { text })));
  const table = make(
    "table",
    { class: "figures", label: "Selected offsets against the prior" },
    make("tbody", {}, row),
  );
  return [table, make("p", { text: `${counts}, ${which} ODR` })];
}

/** Says how high the selection goes where the axis of the density cuts it off. */
function cutNote({ x, y }, { meta, yaxis }, row) {
  const top = yaxis.range[1];
  const peak = meta.view === "density" && y.length ? y.indexOf(Math.max(...y)) : -1;
  if (peak < 0 || y[peak] <= top) return [];
  return [
    {
      name: "selection",
      x: x[peak + 1],
      y: top,
      xanchor: "left",
      yanchor: "top",
      xshift: 4,
      yshift: -14 * row,
      showarrow: false,
      text: `↑ ${Math.round(100 * y[peak])} %`,
      bgcolor: themeColor("panel"),
      font: { size: 11, color: themeColor("text") },
    },
  ];
}

/**
 * The range that was lit up in this frame, and the length of the picked point, where the axis has
 * lengths. In other frames the same cells have other lengths, which the selection's line shows.
 */
function marksOf(current, rule, which, { view, max_m: end }) {
  const isOnAxis = (measured) => view !== "qq" && !(view === "map" && measured === "after");
  const shapes = [];
  const isThisFrame = rule?.kind === "length" && rule.step === current.frame.step;
  if (isThisFrame && isOnAxis(rule.which)) {
    shapes.push({
      name: "brush",
      type: "rect",
      layer: "below",
      xref: "x",
      yref: "paper",
      x0: rule.low,
      x1: Math.min(rule.high, end),
      y0: 0,
      y1: 1,
      line: { width: 0 },
      fillcolor: themeColor(rule.which),
      opacity: 0.16,
    });
  }
  if (Number.isInteger(current?.picked) && (view === "density" || view === "cdf")) {
    const length = lengthsOf(current.frame, which)[current.picked];
    const line = { color: themeColor("text"), width: 1, dash: "dot" };
    const ends = { x0: length, x1: length, y0: 0, y1: 1 };
    shapes.push({ name: "picked", type: "line", xref: "x", yref: "paper", ...ends, line });
  }
  return shapes;
}

function number(value) {
  return Number.isFinite(value) ? Number(value.toPrecision(2)).toString() : "steep";
}

/**
 * The SCR card and the viewport: a click on a bar or block isolates its segment or
 * pseudo-instance, hovering emphasises it, and what is isolated is outlined in the charts. Bars
 * and blocks have the colours that their objects have in the viewport.
 */

import { bindOnce, chartOf, themeColor } from "./charts.mjs";
import { colorOf, heirs, rowsBySize } from "./instances.mjs";

const CHARTS = { segments: "scr-segments", sizes: "scr-sizes", flow: "scr-flow" };

export class ScrPanel {
  constructor(viewport) {
    this.viewport = viewport;
    this.rows = new WeakMap(); // frame -> rows by size
    document.addEventListener("click", (event) => {
      const segment = event.target.closest?.("#scr-table [data-segment]")?.dataset.segment;
      if (segment !== undefined) this.viewport()?.isolate?.({ segment: Number(segment) });
    });
  }

  attach() {
    for (const [name, id] of Object.entries(CHARTS)) {
      bindOnce(id, (chart) => {
        chart.on("plotly_click", (event) => this._tell("isolate", this._target(name, event)));
        chart.on("plotly_hover", (event) => this._tell("hover", this._target(name, event)));
        chart.on("plotly_unhover", () => this.viewport()?.hover?.(null));
        chart.on("plotly_react", () => this.paint());
        this.paint();
      });
    }
  }

  _tell(action, target) {
    if (target) this.viewport()?.[action]?.(target);
  }

  /** What stands under the pointer: a segment, a row of the shown frame, or nothing. */
  _target(name, event) {
    const point = event?.points?.[0];
    if (!point) return null;
    if (name === "segments") return { segment: point.x };
    const current = this.viewport()?.current?.();
    if (!current) return null;
    if (name === "sizes") {
      const row = this._rowsOf(current.frame)[point.x - 1];
      return row === undefined ? null : { instance: row };
    }
    const { name: side, customdata: rows } = point.fullData ?? point.data;
    const row = side === "now" ? rows?.[0] : this._heirs().get(rows?.[0]);
    return Number.isInteger(row) && row >= 0 ? { instance: row } : null;
  }

  /** Colours and outlines of the shown frame; the charts follow the frame within a moment. */
  paint() {
    const current = this.viewport()?.current?.();
    if (!current) return;
    const isolated = this.viewport()?.isolated?.() ?? null;
    this._paintSegments(isolated?.segment);
    this._paintSizes(current, isolated?.instance);
    this._paintFlow(current, isolated?.instance);
  }

  _paintSegments(segment) {
    const chart = chartOf(CHARTS.segments);
    const bars = chart?.data.findLastIndex(({ type }) => type === "bar") ?? -1;
    if (bars < 0) return;
    const widths = chart.data[bars].x.map((number) => (number === segment ? 1.5 : 0));
    this._restyle(chart, outlined(widths), Array.from({ length: bars + 1 }, (_, k) => k));
  }

  _paintSizes({ frame, slots }, isolated) {
    const chart = chartOf(CHARTS.sizes);
    if (!chart?.data?.[0]?.x) return;
    // One a bar: the chart may still be of another frame, and Plotly takes no shorter list.
    const known = this._rowsOf(frame);
    const rows = Array.from(chart.data[0].x, (_, k) => known[k] ?? -1);
    const colors = rows.map((row) => colorOf(row, slots, themeColor("target")));
    const widths = rows.map((row) => (row === isolated ? 1.5 : 0));
    this._restyle(chart, { "marker.color": [colors], ...outlined(widths) }, [0]);
  }

  _paintFlow({ slots }, isolated) {
    const chart = chartOf(CHARTS.flow);
    if (!chart?.layout.meta) return;
    const to = this._heirs();
    const [indices, colors, widths] = [[], [], []];
    chart.data.forEach(({ name, customdata }, index) => {
      if (name !== "before" && name !== "now") return;
      const row = name === "now" ? customdata[0] : (to.get(customdata[0]) ?? -1);
      indices.push(index);
      colors.push(colorOf(row, slots, themeColor("unassigned")));
      widths.push(row === isolated && row >= 0 ? 1.5 : 0);
    });
    const line = { "line.width": widths, "line.color": themeColor("text") };
    this._restyle(chart, { fillcolor: colors, ...line }, indices);
  }

  _heirs() {
    return heirs(chartOf(CHARTS.flow)?.layout.meta?.transitions ?? []);
  }

  _rowsOf(frame) {
    if (!this.rows.has(frame)) {
      this.rows.set(frame, rowsBySize(frame.instance, frame.numInstances));
    }
    return this.rows.get(frame);
  }

  /** Only where something changes: a restyle draws the chart anew. */
  _restyle(chart, values, traces) {
    const key = JSON.stringify([values, traces, chart.data.length]);
    if (chart.dataset.painted === key && chart.paintedData === chart.data) return;
    chart.dataset.painted = key;
    chart.paintedData = chart.data;
    window.Plotly.restyle(chart, values, traces);
  }
}

function outlined(widths) {
  return { "marker.line.width": [widths], "marker.line.color": themeColor("text") };
}

/** Charts of the page that Plotly draws inside a Dash component, and what may be done to them. */

/** The Plotly element of a component once it has been drawn, else null. */
export function chartOf(id) {
  const chart = document.querySelector(`#${id} .js-plotly-plot`);
  return chart?.layout && chart.on ? chart : null;
}

/** Calls `bind(chart)` once for each chart element of that id, when it is there. */
export function bindOnce(id, bind) {
  const chart = chartOf(id);
  if (chart && chart.dataset.bound !== "yes") {
    chart.dataset.bound = "yes";
    bind(chart);
  }
  return chart;
}

/** A colour of the page's theme. */
export function themeColor(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Whether a pointer is down on a chart: then nothing under it may move. */
export class Hold {
  constructor(onRelease) {
    this.isHeld = false;
    document.addEventListener("pointerdown", (event) => {
      this.isHeld = Boolean(event.target.closest?.(".chart"));
    });
    const release = () => {
      if (!this.isHeld) return;
      this.isHeld = false;
      onRelease();
    };
    window.addEventListener("pointerup", release, true);
    window.addEventListener("pointercancel", release, true);
    window.addEventListener("blur", release);
  }
}

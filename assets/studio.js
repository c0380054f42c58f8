// Clientside callbacks: what must not wait for the server.
window.dash_clientside = window.dash_clientside || {};

window.dash_clientside.studio = {
  /** The theme's name for the charts; each click of the button switches it. */
  theme(clicks) {
    return clicks ? window.pointinsTheme.toggle() : window.pointinsTheme.current();
  },

  /** A click on a curve moves the viewport's time cursor to that step. */
  seek(click) {
    const step = click?.points?.[0]?.x;
    if (Number.isFinite(step)) {
      window.pointinsViewport?.seek(step);
    }
    return window.dash_clientside.no_update;
  },

  /** Whether somebody's hand is on the cards, which then keep their places. */
  isHeld() {
    return Boolean(document.querySelector(".scene-grid:hover, .scene-grid :focus-visible"));
  },

  /** What is typed into the filter goes into the address, and back when the address changes. */
  filter(text, search) {
    const { no_update: same, callback_context: context } = window.dash_clientside;
    const query = new URLSearchParams(search ?? "");
    const asked = query.get("q") ?? "";
    if (asked === (text ?? "")) return same;
    if (context.triggered.some(({ prop_id: id }) => id === "url.search")) return asked;
    query.delete("page");
    query.delete("at");
    if (text) query.set("q", text);
    else query.delete("q");
    const rest = query.toString();
    window.dash_clientside.set_props("url", { search: rest ? `?${rest}` : "" });
    return same;
  },

  /** The vertical line of the curves follows the frame that is drawn. */
  moveTimeLine(cursor) {
    for (const chart of document.querySelectorAll(".over-steps .js-plotly-plot")) {
      if (chart.layout?.shapes?.length && Number.isFinite(cursor?.step)) {
        window.Plotly.relayout(chart, {
          "shapes[0].x0": cursor.step,
          "shapes[0].x1": cursor.step,
          "shapes[0].visible": true,
        });
      }
    }
    return window.dash_clientside.no_update;
  },
};

// Says so when the studio has ended, or was started anew and does not know this browser.
(() => {
  const EVERY_MS = 4000;
  const ask = async () => {
    if (document.hidden) {
      return;
    }
    const answer = await fetch("/assets/favicon.svg", { method: "HEAD", cache: "no-store" }).catch(
      () => null,
    );
    const state = answer?.ok ? "" : answer?.status === 401 ? "locked" : "gone";
    document.documentElement.dataset.studio = state;
  };
  setInterval(ask, EVERY_MS);
})();

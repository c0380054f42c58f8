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
    window.pointinsTimeLines.moveTo(cursor?.step);
    return window.dash_clientside.no_update;
  },
};

// The vertical lines of the charts over steps. Moving one draws its chart anew, so only those in
// sight move at once, the others when they come into sight.
window.pointinsTimeLines = (() => {
  let step;
  let isDue = false;
  const isInSight = (chart) => {
    const { top, bottom, height } = chart.getBoundingClientRect();
    return height > 0 && bottom > 0 && top < innerHeight;
  };
  const move = () => {
    isDue = false;
    if (!Number.isFinite(step)) return;
    for (const chart of document.querySelectorAll(".over-steps .js-plotly-plot")) {
      const line = chart.layout?.shapes?.[0];
      if (!line || (line.visible === true && line.x0 === step) || !isInSight(chart)) continue;
      window.Plotly.relayout(chart, {
        "shapes[0].x0": step,
        "shapes[0].x1": step,
        "shapes[0].visible": true,
      });
    }
  };
  const soon = () => {
    if (!isDue) requestAnimationFrame(move);
    isDue = true;
  };
  for (const name of ["scroll", "toggle"]) {
    document.addEventListener(name, soon, { capture: true, passive: true });
  }
  return {
    moveTo(wanted) {
      step = wanted;
      soon();
    },
  };
})();

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

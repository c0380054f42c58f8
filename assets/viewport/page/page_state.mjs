/** What the page's other parts learn of the viewport, a few times a second at most. */

import { rested, throttled } from "./dom.mjs";

const CURSOR_REST_MS = 150; // charts are slow to draw: frames that come faster go first
const CURSOR_MOST_MS = 800;
const NOTICE_EVERY_MS = 1000;

export class PageState {
  constructor(run) {
    this.isClosed = false;
    /** Which frame is on screen. */
    this.cursor = rested(CURSOR_REST_MS, CURSOR_MOST_MS, ({ sceneId, player }) => {
      if (this.isClosed) return;
      const { shown: step, following } = player;
      setProps("live-cursor", { run, scene: sceneId, step, following });
    });
    /** That the run has moved on: curves and status are worth fetching again. */
    this.notice = throttled(NOTICE_EVERY_MS, ({ state }) => {
      if (!state || this.isClosed) return;
      const { step, status } = state;
      setProps("live-notice", { run, step, status, t: Date.now() / 1000 });
    });
  }

  /** The page's components are gone: what still waits has nobody to tell. */
  close() {
    this.isClosed = true;
  }
}

/** Tell the page's scripts which frame is on screen. */
export function announceFrame(run, { sceneId, player }) {
  const detail = { run, scene: sceneId, step: player.shown };
  document.dispatchEvent(new CustomEvent("pointins:frame", { detail }));
}

function setProps(id, data) {
  window.dash_clientside?.set_props?.(id, { data }); // absent in a page without Dash
}

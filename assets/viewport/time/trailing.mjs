/** Keeps the trails behind the shown frame: fetches the frames before it when there is time. */

import { TrailRecord } from "./trail_record.mjs";

const REST_MS = 150; // while the cursor moves faster, trails would only hold it up

export class Trailing {
  /** @param {object} session @param {(trails: Map) => void} show */
  constructor(session, show) {
    this.session = session;
    this.show = show;
    this.record = new TrailRecord();
  }

  /** Trails over `count` frames back; none for 0. */
  update(count) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this._draw(count), this.session.player.playing ? 0 : REST_MS);
  }

  async _draw(count) {
    const { session, record } = this;
    const { scene, shown, player } = session;
    if (!shown || session.isClosed) return;
    const at = player.steps.indexOf(shown.frame.step);
    const steps = at < 0 ? [] : player.steps.slice(Math.max(at - count, 0), at).reverse();
    const older = await Promise.all(
      steps.map((step) => session.frames.get(step).catch(() => null)),
    );
    if (session.shown !== shown || session.isClosed) return;
    const upTo = older.indexOf(null); // a frame that is gone ends the trails
    this.show(record.trails(scene, shown, upTo < 0 ? older : older.slice(0, upTo)));
  }
}

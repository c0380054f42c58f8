/**
 * The frames of the open scene: from the cache, else from the server; those around the cursor
 * before they are asked for, and none that the cursor has left behind.
 */

import { FrameCache } from "./cache.mjs";
import { decodeFrame } from "../draw/records.mjs";

const STALE_MS = 150; // a request that nobody waits for any more may take this long to come
const PREFETCH_FRAMES = 3; // on either side of the cursor

export class FrameSource {
  /** @param {object} session */
  constructor(session) {
    this.session = session;
    this.asking = null; // {step, since}: the request that the screen waits for
    this.cache = new FrameCache((key, signal) => this._load(...JSON.parse(key), signal));
  }

  /** The frame of a step; an Error says why it cannot be shown. */
  async get(step) {
    const frame = await this.cache.get(this._key(step));
    const { scene } = this.session;
    if (frame.numCells !== scene?.numCells) {
      throw new Error(`it has ${frame.numCells} cells, the scene has ${scene?.numCells}`);
    }
    return frame;
  }

  /** The same for the screen, which waits for it. */
  async awaited(step) {
    this.asking = { step, since: performance.now() };
    try {
      return await this.get(step);
    } finally {
      this.asking = null;
    }
  }

  /** Give up requests that the cursor has left behind, so that they do not hold up the next. */
  abandon() {
    const { player } = this.session;
    const wanted = [player.cursor, ...player.around(PREFETCH_FRAMES)];
    const isFresh = this.asking && performance.now() - this.asking.since < STALE_MS;
    if (isFresh) wanted.push(this.asking.step);
    this.cache.abortBut(new Set(wanted.map((step) => this._key(step))));
  }

  prefetch() {
    const { player } = this.session;
    if (player.following) return;
    const steps = player.playing ? player.neighbours() : player.around(PREFETCH_FRAMES);
    for (const step of steps) {
      const key = this._key(step);
      if (!this.cache.has(key)) this.cache.get(key).catch(() => {}); // asked again when wanted
    }
  }

  clear() {
    this.cache.clear();
  }

  _key(step) {
    const { sceneId, version } = this.session;
    return JSON.stringify([sceneId, step, version]);
  }

  async _load(scene, step, version, signal) {
    return decodeFrame(await this.session.api.frame(scene, step, version, signal), step);
  }
}

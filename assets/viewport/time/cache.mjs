/** Decoded frames; the least recently used go first when they outgrow their share of memory. */

const MEGABYTE = 1024 * 1024;
export const FRAME_CACHE_BYTES = 128 * MEGABYTE; // some 80 frames of a scene of 200,000 points

export class FrameCache {
  /** @param {(key: string, signal: AbortSignal) => Promise<{bytes: number}>} load */
  constructor(load, limit = FRAME_CACHE_BYTES) {
    this.load = load;
    this.limit = limit;
    this.bytes = 0;
    this.entries = new Map(); // key -> frame, oldest use first
    this.pending = new Map(); // key -> {request, abort}; two askers share one request
  }

  async get(key) {
    const kept = this.entries.get(key);
    if (kept) {
      this.entries.delete(key);
      this.entries.set(key, kept);
      return kept;
    }
    if (!this.pending.has(key)) this.pending.set(key, this._ask(key));
    return this.pending.get(key).request;
  }

  /** Give up the requests that are on their way, but those for `keys`. */
  abortBut(keys) {
    for (const [key, { abort }] of this.pending) {
      if (keys.has(key)) continue;
      this.pending.delete(key);
      abort();
    }
  }

  _ask(key) {
    const { entries, pending } = this;
    const controller = new AbortController();
    const asked = { abort: () => controller.abort() };
    asked.request = this.load(key, controller.signal)
      .then((frame) => {
        if (this.entries === entries) this._keep(key, frame); // else cleared meanwhile
        return frame;
      })
      .finally(() => {
        if (pending.get(key) === asked) pending.delete(key);
      });
    return asked;
  }

  has(key) {
    return this.entries.has(key);
  }

  clear() {
    this.entries = new Map();
    this.pending = new Map();
    this.bytes = 0;
  }

  _keep(key, frame) {
    this.entries.set(key, frame);
    this.bytes += frame.bytes;
    for (const [old, { bytes }] of this.entries) {
      if (this.bytes <= this.limit || old === key) break;
      this.entries.delete(old);
      this.bytes -= bytes;
    }
  }
}

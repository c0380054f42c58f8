/** Decoded frames; the least recently used go first when they outgrow their share of memory. */

export const FRAME_CACHE_BYTES = 64 * 1024 * 1024;

export class FrameCache {
  /** @param {(key: string) => Promise<{bytes: number}>} load */
  constructor(load, limit = FRAME_CACHE_BYTES) {
    this.load = load;
    this.limit = limit;
    this.bytes = 0;
    this.entries = new Map(); // key -> frame, oldest use first
    this.pending = new Map(); // key -> promise; two askers share one request
  }

  async get(key) {
    const kept = this.entries.get(key);
    if (kept) {
      this.entries.delete(key);
      this.entries.set(key, kept);
      return kept;
    }
    if (!this.pending.has(key)) {
      const { entries } = this;
      const request = this.load(key).then((frame) => {
        if (this.entries === entries) this._keep(key, frame); // else cleared meanwhile
        return frame;
      });
      this.pending.set(
        key,
        request.finally(() => this.pending.delete(key)),
      );
    }
    return this.pending.get(key);
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

/**
 * One scene of a collection being looked at: waits until it is read, then fetches its points and,
 * where it has labels, its true centroids and classes. Tells its owner through `on`: onScene(scene,
 * facts), onTruth(frame), onChange().
 */

import { SceneApi, isAbort } from "./api.mjs";
import { decodeFrame, decodeScene } from "../draw/records.mjs";

const ASK_AGAIN_MS = 1000;

export class SceneSession {
  constructor(collection, id, on) {
    this.id = id;
    this.on = on;
    this.api = new SceneApi(collection, id);
    this.facts = null;
    this.scene = null;
    this.truth = null; // a frame; null where the scene has no labels
    this.loading = { phase: "waiting", passed: 0 }; // waiting | scene | ready | failed | error
    this.opening = new AbortController();
    this.began = performance.now();
    this.start();
  }

  async start() {
    const { signal } = this.opening;
    try {
      const known = await this.api.facts(signal);
      if (known.state === "waiting") {
        const passed = (performance.now() - this.began) / 1000;
        this._set({ phase: "waiting", passed });
        this.timer = setTimeout(() => this.start(), ASK_AGAIN_MS);
        return;
      }
      if (known.state === "failed") {
        this._set({ phase: "failed", message: known.error });
        return;
      }
      await this._fetch(known, signal);
    } catch (error) {
      if (!isAbort(error)) this._set({ phase: "error", message: error.message });
    }
  }

  close() {
    clearTimeout(this.timer);
    this.opening.abort();
    this.isClosed = true;
  }

  async _fetch({ facts, key, has_truth: hasTruth }, signal) {
    this._set({ phase: "scene", received: 0, total: 0 });
    const onProgress = (received, total) => this._set({ phase: "scene", received, total });
    const [bytes, truth] = await Promise.all([
      this.api.arrays(key, { signal, onProgress }),
      hasTruth ? this.api.truth(key, signal) : null,
    ]);
    this.facts = facts;
    this.scene = decodeScene(bytes);
    this.on.onScene(this.scene, facts);
    if (truth) {
      this.truth = decodeFrame(truth, 0);
      this.on.onTruth(this.truth);
    }
    this._set({ phase: "ready" });
  }

  _set(loading) {
    this.loading = loading;
    if (!this.isClosed) this.on.onChange();
  }
}

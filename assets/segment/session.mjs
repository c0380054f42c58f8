/**
 * One segmentation being looked at: asks how its job is doing, fetches its points once they are
 * there, and the layers that somebody wants to see. Tells its owner through `on`:
 * onDetails(details), onScene(scene), onChange().
 */

import { isAbort } from "../viewport/page/api.mjs";
import { decodeFrame, decodeScene } from "../viewport/draw/records.mjs";
import { repeatedly } from "../steering/requests.mjs";
import { SegmentationApi } from "./api.mjs";
import { isAlive } from "./words.mjs";

const BUSY_MS = 600;
const IDLE_MS = 5000;

export class SegmentationSession {
  constructor(id, on) {
    this.on = on;
    this.api = new SegmentationApi(id);
    this.details = null;
    this.scene = null;
    this.version = null; // of the scene that is shown
    this.frames = new Map(); // "layer version" -> promise of a frame
    this.loading = { phase: "asking" }; // asking | scene | ready | none | gone | error
    this.opening = new AbortController();
    this.beat = repeatedly(() => this._look());
  }

  close() {
    this.isClosed = true;
    this.beat.end();
    this.opening.abort();
  }

  /** The layer of that name as the server told it; null where there is none yet. */
  layer(name) {
    return this.details?.layers.find(({ layer }) => layer === name) ?? null;
  }

  frame(name) {
    const { v } = this.layer(name);
    const key = `${name} ${v}`;
    if (!this.frames.has(key)) {
      const answer = this.api
        .layer(name, v, this.opening.signal)
        .then((buffer) => decodeFrame(buffer, 0));
      answer.catch(() => this.frames.delete(key));
      this.frames.set(key, answer);
    }
    return this.frames.get(key);
  }

  /** A layer that was made by what was just sent takes its place at once. */
  take(layer) {
    const others = this.details.layers.filter((one) => one.layer !== layer.layer);
    this.details = { ...this.details, layers: [...others, layer] };
  }

  /** A layer that is no more. */
  forget(name) {
    const layers = this.details.layers.filter(({ layer }) => layer !== name);
    this.details = { ...this.details, layers };
  }

  async _look() {
    try {
      this.details = await this.api.details(this.opening.signal);
    } catch (error) {
      return this._missed(error);
    }
    if (this.isClosed) return IDLE_MS;
    const { scene_v: v, wanted = [], status } = this.details;
    if (v && v !== this.version) this._fetch(v);
    else if (!v && this.loading.phase !== "none") this._set({ phase: "none" });
    else if (this.loading.phase === "error") this._set({ phase: this.scene ? "ready" : "none" });
    this.on.onDetails(this.details);
    const isBusy = isAlive(status) || wanted.some(({ state }) => state === "waiting");
    return isBusy ? BUSY_MS : IDLE_MS;
  }

  _missed(error) {
    if (isAbort(error) || this.isClosed) return IDLE_MS;
    if (error.status === 404) {
      this.beat.end();
      this._set({ phase: "gone" });
    } else {
      this._set({ phase: "error", message: error.message });
    }
    return IDLE_MS;
  }

  async _fetch(version) {
    this.version = version;
    this.frames.clear();
    this._set({ phase: "scene", received: 0, total: 0 });
    const onProgress = (received, total) => this._set({ phase: "scene", received, total });
    try {
      const { signal } = this.opening;
      this.scene = decodeScene(await this.api.points(version, { signal, onProgress }));
      this._set({ phase: "ready" });
      this.on.onScene(this.scene);
    } catch (error) {
      this.version = null;
      if (!isAbort(error)) this._set({ phase: "error", message: error.message });
    }
  }

  _set(loading) {
    this.loading = loading;
    if (!this.isClosed) this.on.onChange();
  }
}

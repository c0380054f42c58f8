/**
 * The picked point over time: its facts in the shown frame, the same in the frame before, and its
 * neighbours. What the server has to be asked for comes later, and says so through `onChange`.
 */

import { contrasted } from "./neighbours.mjs";
import { factsOf } from "./pick_facts.mjs";

const MOST_STATS = 64; // quantiles of so many frames are kept

export class Inspecting {
  /** @param {object} session @param {() => void} onChange */
  constructor(session, onChange) {
    this.session = session;
    this.onChange = onChange;
    this.quantiles = new Map(); // "version scene step" -> {before, prior}, or null
    this.asked = new Set();
    this.clear();
  }

  clear() {
    this.key = null;
    this.facts = null;
    this.neighbours = null;
    this.beforeFrame = null;
  }

  /** Bring the facts up to date; cheap where nothing has changed. */
  update(scene, shown, picked) {
    if (!picked || !scene || !shown) {
      this.clear();
      return;
    }
    const { frame } = shown;
    const isSame = this.key?.frame === frame && this.key.point === picked.point;
    if (!isSame) {
      this.key = { frame, point: picked.point };
      this.neighbours = frame.feature ? contrasted(scene, frame.feature, picked.cell) : null;
    }
    const step = this.session.player.stepBefore;
    const quantiles = this._quantilesOf(frame.step);
    const older = this._frameOf(step);
    this.facts = factsOf(scene, shown, picked, quantiles);
    this.around = {
      step: frame.step,
      stepBefore: older ? step : null,
      before:
        older && factsOf(scene, { frame: older, slots: null }, picked, this._quantilesOf(step)),
      quantiles,
      neighbours: this.neighbours,
    };
  }

  _frameOf(step) {
    if (step === null) return null;
    if (this.beforeFrame?.step === step) return this.beforeFrame;
    const { session } = this;
    const { scene } = session;
    session.frames.get(step).then(
      (frame) => {
        if (session.scene !== scene || session.player.stepBefore !== step) return;
        this.beforeFrame = frame;
        this.onChange();
      },
      () => {}, // without it nothing is compared
    );
    return null;
  }

  _quantilesOf(step) {
    const { api, sceneId, version } = this.session;
    const key = `${version} ${sceneId} ${step}`;
    if (this.quantiles.has(key)) return this.quantiles.get(key);
    if (this.asked.has(key)) return null;
    this.asked.add(key);
    api.stats(sceneId, step).then(
      ({ odr }) => {
        this.quantiles.set(key, odr?.quantiles ?? null);
        if (this.quantiles.size > MOST_STATS) {
          this.quantiles.delete(this.quantiles.keys().next().value);
        }
        this.asked.delete(key);
        this.onChange();
      },
      () => this.asked.delete(key), // the frame's arrays say what they can
    );
    return null;
  }
}

/**
 * States one can go back to. No clock of its own: time is an argument. Changes in quick succession
 * are one step, so that a drag of the camera is undone at once and not picture by picture.
 */

const ONE_GESTURE_MS = 700;
const MOST_STATES = 200;

export class History {
  constructor() {
    this.states = []; // {key, value}, oldest first
    this.at = -1;
    this.recordedAt = -Infinity;
  }

  get present() {
    return this.states[this.at]?.value ?? null;
  }

  get canUndo() {
    return this.at > 0;
  }

  get canRedo() {
    return this.at < this.states.length - 1;
  }

  /**
   * Take a state; `key` tells whether it differs from the present one, `topic` what has changed:
   * only changes of one topic melt into one step.
   */
  record(key, value, now, topic = "") {
    if (this.states[this.at]?.key === key) return;
    const isSameGesture =
      this.at > 0 && topic === this.topic && now - this.recordedAt < ONE_GESTURE_MS;
    this.states.length = this.at + 1; // what was undone is given up
    if (isSameGesture) this.states[this.at] = { key, value };
    else this.states.push({ key, value });
    if (this.states.length > MOST_STATES) this.states.shift();
    this.at = this.states.length - 1;
    this.recordedAt = now;
    this.topic = topic;
  }

  /** Go back one state; the state to show, or null at the first. */
  undo() {
    return this._go(-1);
  }

  redo() {
    return this._go(1);
  }

  _go(by) {
    if (!this.states[this.at + by]) return null;
    this.at += by;
    this.recordedAt = -Infinity;
    return this.present;
  }
}

/**
 * The time cursor of one scene: which frames exist, which one is wanted, whether it moves alone.
 *
 * No clock, no network, no page: time is an argument. Frames may be missing in the middle (old
 * ones are thinned out), so everything moves from frame to frame, never by a fixed number of steps.
 */

export const PLAY_INTERVAL_MS = 180; // at speed 1; a little longer than the glide between frames

export class Player {
  constructor() {
    this.steps = []; // rising
    this.cursor = null; // the step that should be shown
    this.shown = null; // the step that is shown
    this.following = true;
    this.playing = false;
    this.speed = 1;
    this.stride = 1; // frames from one picture to the next while following; above 1 = dropped some
    this._advancedAt = -Infinity;
  }

  get latest() {
    return this.steps.at(-1) ?? null;
  }

  /** Take over the frames that exist, as after opening a scene or after a resume. */
  reset(steps) {
    this.steps = [...steps];
    this.shown = null;
    this.stride = 1;
    this.cursor = this.following || this.cursor === null ? this.latest : this.nearest(this.cursor);
  }

  /** A frame has been written. A step at or before the latest changes nothing that is on screen. */
  announce(step) {
    if (this.latest === null || step > this.latest) this.steps.push(step);
    else if (!this.steps.includes(step)) {
      this.steps.splice(
        this.steps.findIndex((known) => known > step),
        0,
        step,
      );
    }
    if (this.following || this.cursor === null) this.cursor = this.latest;
  }

  /** A frame turned out to be gone (thinned out): go to its nearest neighbour. */
  forget(step) {
    this.steps = this.steps.filter((known) => known !== step);
    if (this.cursor === step) this.cursor = this.nearest(step);
  }

  /** Frames that still exist, by a list that may be older than the last announcements. */
  keep(steps) {
    const newest = steps.at(-1) ?? -1;
    this.steps = [...steps, ...this.steps.filter((known) => known > newest)];
    if (this.following || this.cursor === null) this.cursor = this.latest;
    else if (!this.steps.includes(this.cursor)) this.cursor = this.nearest(this.cursor);
  }

  /** The step to fetch and draw next, or null when the wanted one is on screen. */
  wanted() {
    return this.cursor === this.shown ? null : this.cursor;
  }

  /** The wanted frame is on screen. */
  showed(step) {
    const passed = this.steps.indexOf(step) - this.steps.indexOf(this.shown);
    const isNext = this.shown !== null && this.steps.includes(this.shown);
    this.stride = this.following && isNext && passed > 0 ? passed : 1;
    this.shown = step;
  }

  seek(step) {
    this.following = false;
    this.cursor = this.nearest(step);
  }

  /** Go `by` frames on (or back, below zero); stops at the ends. */
  move(by) {
    if (!this.steps.length) return;
    const at = this.steps.indexOf(this.nearest(this.cursor ?? this.latest));
    const to = Math.min(Math.max(at + by, 0), this.steps.length - 1);
    this.playing = false;
    this.seek(this.steps[to]);
  }

  home() {
    this.playing = false;
    if (this.steps.length) this.seek(this.steps[0]);
  }

  /** Go to the newest frame and stay with it. */
  follow() {
    this.playing = false;
    this.following = true;
    this.stride = 1;
    this.cursor = this.latest;
  }

  /** Start or stop; from the last frame, start over. */
  toggle(now) {
    this.playing = !this.playing && this.steps.length > 1;
    if (!this.playing) {
      this.following = false;
      return;
    }
    this.following = false;
    if (this.cursor === this.latest) this.cursor = this.steps[0];
    this._advancedAt = now;
  }

  /**
   * Let playing time pass; true if the cursor moved. The next frame waits until the last one is on
   * screen. At the last frame playing ends; in a run that is still being written it follows on.
   */
  tick(now, isLive) {
    if (!this.playing || this.wanted() !== null) return false;
    if (now - this._advancedAt < PLAY_INTERVAL_MS / this.speed) return false;
    const at = this.steps.indexOf(this.cursor);
    if (at + 1 >= this.steps.length) {
      this.playing = false;
      this.following = isLive;
      return true;
    }
    this._advancedAt = now;
    this.cursor = this.steps[at + 1];
    return true;
  }

  /** Frames worth having before they are asked for. */
  neighbours(ahead = 3) {
    const at = this.steps.indexOf(this.cursor);
    if (at < 0) return [];
    const next = this.steps.slice(at + 1, at + 1 + (this.playing ? ahead : 1));
    return this.playing || at === 0 ? next : [...next, this.steps[at - 1]];
  }

  /** Up to `reach` frames on either side of the cursor, nearest first. */
  around(reach) {
    const at = this.steps.indexOf(this.cursor);
    if (at < 0) return [];
    const steps = [];
    for (let by = 1; by <= reach; by++) steps.push(this.steps[at + by], this.steps[at - by]);
    return steps.filter((step) => step !== undefined);
  }

  /** The frame before the one that is shown, or null. */
  get stepBefore() {
    return this.steps[this.steps.indexOf(this.shown) - 1] ?? null;
  }

  nearest(step) {
    if (!this.steps.length) return null;
    return this.steps.reduce((best, known) =>
      Math.abs(known - step) < Math.abs(best - step) ? known : best,
    );
  }
}

/**
 * Where an object's centroid has been: frames are matched backwards from the one that is shown, so
 * the same picture has the same trails, however one came to it.
 */

import { matchSlots } from "./identity.mjs";
import { centroidsOf } from "../draw/records.mjs";

export class TrailRecord {
  constructor() {
    this.clear();
  }

  clear() {
    this.centroids = new WeakMap(); // frame -> Float32Array (K, 3), metres from the scene's origin
    this.rows = new WeakMap(); // newer frame -> WeakMap older frame -> its rows by the newer's rows
  }

  /**
   * @param {object} scene
   * @param {{frame: object, slots: Int32Array}} shown
   * @param {object[]} older frames before it, newest first
   * @returns {Map<number, number[][]>} slot -> [x, y, z, step], oldest first
   */
  trails(scene, { frame, slots }, older) {
    const trails = new Map();
    let newer = frame;
    let open = new Map(Array.from(slots, (slot, row) => [row, slot])); // row of newer -> slot
    for (const [row, slot] of open) trails.set(slot, [this._place(scene, frame, row)]);
    for (const past of older) {
      const matched = this._matched(newer, past); // row of past for each row of newer, or -1
      const next = new Map();
      for (const [row, slot] of open) {
        if (matched[row] < 0) continue;
        next.set(matched[row], slot);
        trails.get(slot).unshift(this._place(scene, past, matched[row]));
      }
      [newer, open] = [past, next];
    }
    for (const [slot, places] of trails) if (places.length < 2) trails.delete(slot);
    return trails;
  }

  _matched(newer, past) {
    const known = this.rows.get(newer) ?? new WeakMap();
    this.rows.set(newer, known);
    if (!known.has(past)) {
      const own = {
        ids: newer.instance,
        slots: Int32Array.from({ length: newer.numInstances }, (_, k) => k),
      };
      const slots = matchSlots(past.instance, past.numInstances, own); // or a new slot
      const rows = new Int32Array(newer.numInstances).fill(-1);
      slots.forEach((slot, row) => {
        if (slot < newer.numInstances) rows[slot] = row;
      });
      known.set(past, rows);
    }
    return known.get(past);
  }

  _place(scene, frame, row) {
    if (!this.centroids.has(frame)) this.centroids.set(frame, centroidsOf(scene, frame));
    return [...this.centroids.get(frame).subarray(3 * row, 3 * row + 3), frame.step];
  }
}

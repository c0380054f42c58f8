/**
 * Keeps an object's colour while its row changes. The trainer numbers pseudo-instances afresh in
 * every frame; here a new row takes over the slot (a colour, a trail) of the old row that it shares
 * most cells with. Greedy by overlap: good enough for colours, and linear in the cells.
 */

import { CATEGORIES } from "../draw/palette.mjs";

const LEAST_IOU = 0.2; // cells shared over cells of either; below this it is another object

/**
 * @param {Int16Array} ids row of each cell in the new frame, -1 = none
 * @param {number} count rows of the new frame
 * @param {?{ids: Int16Array, slots: Int32Array}} before the frame that was shown last
 * @returns {Int32Array} a slot for each row; no two rows share one, and a new object never gets a
 *   slot of the frame before
 */
export function matchSlots(ids, count, before = null) {
  const slots = new Int32Array(count).fill(-1);
  const taken = new Set(before?.slots ?? []);
  const given = new Set();
  if (before && before.ids.length === ids.length) {
    for (const { row, old } of overlaps(ids, count, before.ids, before.slots.length)) {
      const slot = before.slots[old];
      if (slots[row] >= 0 || given.has(slot)) continue;
      slots[row] = slot;
      given.add(slot);
    }
  }
  const shown = new Set([...given].map((slot) => slot % CATEGORIES.length)); // colours in use
  for (let row = 0; row < count; row++) {
    if (slots[row] >= 0) continue;
    const slot = freeSlot(taken, shown);
    slots[row] = slot;
    taken.add(slot);
    shown.add(slot % CATEGORIES.length);
  }
  return slots;
}

/** The lowest slot that is free, and of a colour not in use as long as there is one. */
function freeSlot(taken, shown) {
  const anyColour = shown.size >= CATEGORIES.length;
  let slot = 0;
  while (taken.has(slot) || (!anyColour && shown.has(slot % CATEGORIES.length))) slot++;
  return slot;
}

/** Pairs of a new and an old row that overlap enough, most shared cells first. */
function overlaps(ids, count, oldIds, oldCount) {
  const shared = new Map();
  const sizes = new Int32Array(count);
  const oldSizes = new Int32Array(oldCount);
  for (let cell = 0; cell < ids.length; cell++) {
    const [row, old] = [ids[cell], oldIds[cell]];
    if (row >= 0) sizes[row] += 1;
    if (old >= 0) oldSizes[old] += 1;
    if (row < 0 || old < 0) continue;
    const pair = row * oldCount + old;
    shared.set(pair, (shared.get(pair) ?? 0) + 1);
  }
  return [...shared]
    .map(([pair, cells]) => ({ row: Math.floor(pair / oldCount), old: pair % oldCount, cells }))
    .filter(({ row, old, cells }) => cells >= LEAST_IOU * (sizes[row] + oldSizes[old] - cells))
    .sort((a, b) => b.cells - a.cells || a.row - b.row || a.old - b.old);
}

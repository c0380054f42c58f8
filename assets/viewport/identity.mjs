/**
 * Keeps an object's colour while its row changes. The trainer numbers pseudo-instances afresh in
 * every frame; here a new row takes over the slot (a colour) of the old row it shares most cells
 * with. Greedy by overlap: good enough for colours, and linear in the cells.
 */

/**
 * @param {Int16Array} ids row of each cell in the new frame, -1 = none
 * @param {number} count rows of the new frame
 * @param {?{ids: Int16Array, slots: Int32Array}} before the frame that was shown last
 * @returns {Int32Array} a slot for each row; no two rows share one
 */
export function matchSlots(ids, count, before = null) {
  const slots = new Int32Array(count).fill(-1);
  const taken = new Set();
  if (before && before.ids.length === ids.length) {
    for (const { row, old } of overlaps(ids, before.ids, before.slots.length)) {
      const slot = before.slots[old];
      if (slots[row] >= 0 || taken.has(slot)) continue;
      slots[row] = slot;
      taken.add(slot);
    }
  }
  let free = 0;
  for (let row = 0; row < count; row++) {
    if (slots[row] >= 0) continue;
    while (taken.has(free)) free++;
    slots[row] = free;
    taken.add(free);
  }
  return slots;
}

/** Pairs of a new and an old row that share cells, most cells first. */
function overlaps(ids, oldIds, oldCount) {
  const shared = new Map();
  for (let cell = 0; cell < ids.length; cell++) {
    if (ids[cell] < 0 || oldIds[cell] < 0) continue;
    const pair = ids[cell] * oldCount + oldIds[cell];
    shared.set(pair, (shared.get(pair) ?? 0) + 1);
  }
  return [...shared]
    .sort(([pairA, a], [pairB, b]) => b - a || pairA - pairB)
    .map(([pair]) => ({ row: Math.floor(pair / oldCount), old: pair % oldCount }));
}

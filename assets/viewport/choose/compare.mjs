/** How two frames of a scene differ: which cells went to another object, and by how much in all. */

import { categoryColor, parseColor } from "../draw/palette.mjs";

/**
 * The adjusted Rand index of two groupings (Hubert and Arabie 1985): 1 where they are the same up
 * to names, about 0 where they agree as chance would. Over the cells that both put into a group;
 * null where there are fewer than two of these.
 */
export function adjustedRandIndex(a, b) {
  const numberOf = (ids) => ids.reduce((most, id) => Math.max(most, id), 0) + 1;
  const [height, width] = [numberOf(a), numberOf(b)];
  const [rows, columns, cells] = [height, width, height * width].map((n) => new Uint32Array(n));
  let count = 0;
  for (let k = 0; k < a.length; k++) {
    if (a[k] < 0 || b[k] < 0) continue;
    count += 1;
    rows[a[k]] += 1;
    columns[b[k]] += 1;
    cells[a[k] * width + b[k]] += 1;
  }
  if (count < 2) return null;
  const pairs = (sizes) => sizes.reduce((sum, size) => sum + (size * (size - 1)) / 2, 0);
  const [both, inA, inB] = [pairs(cells), pairs(rows), pairs(columns)];
  const chance = (inA * inB) / ((count * (count - 1)) / 2);
  const most = (inA + inB) / 2;
  return most === chance ? 1 : (both - chance) / (most - chance);
}

/**
 * For each cell 1 where the two frames give it to different objects, or only one gives it to any.
 * Objects are compared by slot, which both frames' rows were matched to.
 */
export function changedCells(frameA, slotsA, frameB, slotsB) {
  return Uint8Array.from(frameA.instance, (rowA, cell) => {
    const rowB = frameB.instance[cell];
    const a = rowA < 0 ? -1 : slotsA[rowA];
    const b = rowB < 0 ? -1 : slotsB[rowB];
    return a === b ? 0 : 1;
  });
}

/** Share of the cells with an object in either frame that went to another one. */
export function changedShare(frameA, frameB, changed) {
  let [either, moved] = [0, 0];
  for (let cell = 0; cell < changed.length; cell++) {
    if (frameA.instance[cell] < 0 && frameB.instance[cell] < 0) continue;
    either += 1;
    moved += changed[cell];
  }
  return either ? moved / either : 0;
}

/** A frame that colours its cells by `colors` (three bytes a cell) where it coloured features. */
export function painted(frame, colors) {
  return { ...frame, pca: colors };
}

/**
 * Colours of the difference, three bytes a cell: cells that stayed with their object are quiet, the
 * others have the colour of the object that they are with in `frame`, or `none` without one.
 */
export function differenceColors({ instance }, slots, changed, { quiet, none }) {
  const colors = new Uint8Array(3 * changed.length);
  const own = Array.from(slots, (slot) => parseColor(categoryColor(slot)));
  for (let cell = 0; cell < changed.length; cell++) {
    const color = instance[cell] < 0 ? none : own[instance[cell]];
    colors.set(changed[cell] ? color : quiet, 3 * cell);
  }
  return colors;
}

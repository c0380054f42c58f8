/** Rows of pseudo-instances as the SCR charts order and colour them. */

import { categoryColor } from "../viewport/draw/palette.mjs";

/** Rows by falling size, equal ones by row: the order of the bars of sizes. */
export function rowsBySize(instance, numInstances) {
  const sizes = new Int32Array(numInstances);
  for (const row of instance) if (row >= 0) sizes[row] += 1;
  return Array.from(sizes.keys()).sort((a, b) => sizes[b] - sizes[a] || a - b);
}

/** Colour of a row in the 3D view; `slots` gives each row the number of its object. */
export function colorOf(row, slots, fallback) {
  return row >= 0 && row < slots.length ? categoryColor(slots[row]) : fallback;
}

/** Row now that most cells of each row before went to, from [before, now, cells] triples. */
export function heirs(transitions) {
  const most = new Map();
  for (const [before, now, cells] of transitions) {
    if (cells > (most.get(before)?.cells ?? 0)) most.set(before, { now, cells });
  }
  return new Map([...most].map(([before, { now }]) => [before, now]));
}

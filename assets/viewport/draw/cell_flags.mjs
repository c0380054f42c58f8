/**
 * What the page says of single cells: selected, hidden, hovered. On the GPU it shares a byte a cell
 * with the walls' flag (`cutaway.mjs`), so that one look-up tells all of it.
 */

export const CELL = { selected: 1, hidden: 2, hovered: 4 };

/** One byte a cell: the walls' flag in the two low bits, the page's flags above it. */
export function stateOf(wallFlags, flags = null) {
  if (!flags) return wallFlags;
  const state = new Uint8Array(wallFlags.length);
  for (let cell = 0; cell < state.length; cell++) {
    state[cell] = wallFlags[cell] | (flags[cell] << 2);
  }
  return state;
}

/** Which flags any cell has: {selected, hidden, hovered}. */
export function anyOf(flags) {
  let found = 0;
  for (const flag of flags ?? []) found |= flag;
  return Object.fromEntries(Object.entries(CELL).map(([name, bit]) => [name, (found & bit) > 0]));
}

/** True if the two lists hide different cells, so that points have to be drawn anew. */
export function hideOthers(before, after) {
  if (!before && !after) return false;
  const count = (before ?? after).length;
  for (let cell = 0; cell < count; cell++) {
    if (((before?.[cell] ?? 0) ^ (after?.[cell] ?? 0)) & CELL.hidden) return true;
  }
  return false;
}

/** For each pseudo-instance, whether any cell of it is shown. */
export function rowsShown(instance, count, flags) {
  const shown = new Uint8Array(count).fill(flags ? 0 : 1);
  for (let cell = 0; flags && cell < instance.length; cell++) {
    if (instance[cell] >= 0 && !(flags[cell] & CELL.hidden)) shown[instance[cell]] = 1;
  }
  return shown;
}

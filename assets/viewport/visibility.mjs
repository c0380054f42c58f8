/**
 * Which cells are selected, hidden or pointed at, as the renderer wants it: one byte a cell.
 *
 * Objects have keys: "segment:3" is a K-means segment, "object:12" the pseudo-instance in slot 12,
 * which is followed from frame to frame.
 */

import { NO_SEGMENT } from "./records.mjs";

const [SELECTED, HIDDEN, HOVERED] = [1, 2, 4];

export function segmentKey(segment) {
  return `segment:${segment}`;
}

export function objectKey(slot) {
  return `object:${slot}`;
}

/** "segment 3" or "pseudo-instance 12". */
export function nameOf(key) {
  const [kind, id] = key.split(":");
  return `${kind === "segment" ? "segment" : "pseudo-instance"} ${id}`;
}

/** Cells of an object in a frame, as a test of a cell. */
export function memberOf(key, { frame, slots }) {
  const [kind, text] = key.split(":");
  const id = Number(text);
  if (kind === "segment") return (cell) => frame.segment[cell] === id;
  const row = slots.indexOf(id);
  return row < 0 ? () => false : (cell) => frame.instance[cell] === row;
}

/**
 * @param {{frame: object, slots: Int32Array}} shown
 * @param {{mask: ?Uint8Array, hidden: Set<string>, isolated: ?string, hovered: ?string}} chosen
 * @returns {?Uint8Array} null where nothing is special
 */
export function cellFlags(shown, { mask, hidden, isolated, hovered }) {
  if (!mask && !hidden.size && !isolated && !hovered) return null;
  const { frame, slots } = shown;
  const flags = new Uint8Array(frame.numCells);
  const hidesSegment = new Uint8Array(NO_SEGMENT + 1);
  const hidesRow = new Uint8Array(frame.numInstances);
  for (const key of hidden) {
    const [kind, id] = key.split(":");
    if (kind === "segment") hidesSegment[Number(id)] = 1;
    else if (slots.includes(Number(id))) hidesRow[slots.indexOf(Number(id))] = 1;
  }
  const isKept = isolated && memberOf(isolated, shown);
  const isHovered = hovered && memberOf(hovered, shown);
  for (let cell = 0; cell < flags.length; cell++) {
    const row = frame.instance[cell];
    const isHidden = hidesSegment[frame.segment[cell]] || (row >= 0 && hidesRow[row]);
    if (isHidden || (isKept && !isKept(cell))) flags[cell] |= HIDDEN;
    if (mask?.[cell]) flags[cell] |= SELECTED;
    if (isHovered?.(cell)) flags[cell] |= HOVERED;
  }
  return flags;
}

/**
 * Segments or pseudo-instances of a frame, largest first, with their numbers of cells and points.
 * @param {"segment" | "object"} kind
 * @returns {{key: string, id: number, row: number, cells: number, points: number}[]}
 */
export function objectsOf(kind, { frame, slots }, perCell) {
  const ids = kind === "segment" ? frame.segment : frame.instance;
  const isNone = kind === "segment" ? (id) => id === NO_SEGMENT : (id) => id < 0;
  const known = new Map();
  for (let cell = 0; cell < ids.length; cell++) {
    if (isNone(ids[cell])) continue;
    const size = known.get(ids[cell]) ?? { cells: 0, points: 0 };
    known.set(ids[cell], size);
    size.cells += 1;
    size.points += perCell[cell];
  }
  return [...known]
    .map(([row, size]) => {
      const id = kind === "segment" ? row : slots[row];
      return { key: `${kind}:${id}`, id, row, ...size };
    })
    .sort((a, b) => b.points - a.points || a.id - b.id);
}

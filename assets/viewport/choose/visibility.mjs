/**
 * Which cells are selected, hidden or pointed at, as the renderer wants it: one byte a cell.
 *
 * Objects have keys: "segment:3" is a K-means segment, "object:12" the pseudo-instance in slot 12,
 * which is followed from frame to frame.
 */

import { NO_SEGMENT } from "../draw/records.mjs";

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

/**
 * @param {{frame: object, slots: Int32Array}} shown
 * @param {{mask: ?Uint8Array, hidden: Set<string>, isolated: ?string, hovered: ?string}} chosen
 * @returns {?Uint8Array} null where nothing is special
 */
export function cellFlags({ frame, slots }, { mask, hidden, isolated, hovered }) {
  if (!mask && !hidden.size && !isolated && !hovered) return null;
  const bySegment = new Uint8Array(NO_SEGMENT + 1);
  const byRow = new Uint8Array(frame.numInstances + 1); // the last is for cells without an object
  const rowOf = (id) => slots.indexOf(id);
  const mark = (key, flag) => {
    const [kind, id] = partsOf(key);
    if (kind === "segment") bySegment[id] |= flag;
    else if (rowOf(id) >= 0) byRow[rowOf(id)] |= flag;
  };
  for (const key of hidden) mark(key, HIDDEN);
  if (hovered) mark(hovered, HOVERED);
  if (isolated) {
    const [kind, id] = partsOf(isolated);
    const [flags, kept] = kind === "segment" ? [bySegment, id] : [byRow, rowOf(id)];
    flags.forEach((flag, k) => (flags[k] = k === kept ? flag : flag | HIDDEN));
  }
  const none = frame.numInstances;
  const flags = new Uint8Array(frame.numCells);
  for (let cell = 0; cell < flags.length; cell++) {
    const row = frame.instance[cell];
    flags[cell] = bySegment[frame.segment[cell]] | byRow[row < 0 ? none : row];
    if (mask && mask[cell]) flags[cell] |= SELECTED;
  }
  return flags;
}

/**
 * Segments or pseudo-instances of a frame, largest first, with their numbers of cells and points.
 * @param {"segment" | "object"} kind
 * @returns {{key: string, id: number, row: number, cells: number, points: number}[]}
 */
export function objectsOf(kind, { frame, slots }, perCell) {
  const isSegment = kind === "segment";
  const ids = isSegment ? frame.segment : frame.instance;
  const count = isSegment ? NO_SEGMENT : frame.numInstances;
  const [cells, points] = [new Uint32Array(count), new Uint32Array(count)];
  for (let cell = 0; cell < ids.length; cell++) {
    const row = ids[cell];
    if (row < 0 || row >= count) continue;
    cells[row] += 1;
    points[row] += perCell[cell];
  }
  return Array.from({ length: count }, (_, row) => {
    const id = isSegment ? row : slots[row];
    return { key: `${kind}:${id}`, id, row, cells: cells[row], points: points[row] };
  })
    .filter((object) => object.cells > 0)
    .sort((a, b) => b.points - a.points || a.id - b.id);
}

function partsOf(key) {
  const [kind, id] = key.split(":");
  return [kind, Number(id)];
}

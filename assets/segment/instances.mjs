/**
 * Rows of the list of instances, thresholds on them, and the frame that the picture shows of a
 * labelling. Pure. M cells; lengths in metres, places in the frame of the scan.
 */

import { NO_SEGMENT } from "../viewport/draw/records.mjs";
import { toFloats } from "../viewport/draw/safetensors.mjs";

/**
 * Rows measured on the cells: what a person changed, until the server has measured all points.
 *
 * @param {Int32Array} labels of the cells
 * @param {object} scene as decoded
 * @param {Float32Array | Uint32Array} weight points of each cell
 * @returns {Map<number, object>} {id, score, points, cells, centroid, extent} by id
 */
export function measured(labels, scene, weight) {
  const rows = new Map();
  const { cellCoord, origin, scale } = scene;
  for (let cell = 0; cell < labels.length; cell++) {
    const id = labels[cell];
    if (id < 0) continue;
    let row = rows.get(id);
    if (!row) {
      const low = [Infinity, Infinity, Infinity];
      const high = [-Infinity, -Infinity, -Infinity];
      row = { id, score: 1, points: 0, cells: 0, sum: [0, 0, 0], low, high };
      rows.set(id, row);
    }
    row.cells += 1;
    row.points += weight[cell];
    for (let axis = 0; axis < 3; axis++) {
      const place = origin[axis] + cellCoord[3 * cell + axis] * scale;
      row.sum[axis] += weight[cell] * place;
      row.low[axis] = Math.min(row.low[axis], place);
      row.high[axis] = Math.max(row.high[axis], place);
    }
  }
  for (const row of rows.values()) {
    row.centroid = row.sum.map((value, k) =>
      row.points ? value / row.points : (row.low[k] + row.high[k]) / 2,
    );
    row.extent = row.high.map((value, axis) => value - row.low[axis]);
    row.points = Math.round(row.points);
  }
  return rows;
}

/**
 * Rows of a labelling: as the server told them where nothing was changed, else measured here.
 *
 * @param {{labels: Int32Array, names: Map, made: Set}} state
 * @param {object[]} told rows of the layer
 */
export function rowsOf(state, told, scene, weight) {
  const known = new Map(told.map((row) => [row.id, row]));
  const sizes = new Map();
  for (const id of state.labels) if (id >= 0) sizes.set(id, (sizes.get(id) ?? 0) + 1);
  const isSame = (id) => known.has(id) && known.get(id).cells === sizes.get(id);
  const isKnown = [...sizes.keys()].every(isSame);
  const fresh = isKnown ? new Map() : measured(state.labels, scene, weight);
  return [...sizes.keys()].map((id) => {
    const row = isSame(id) ? known.get(id) : fresh.get(id);
    const score = state.made.has(id) ? 1 : (known.get(id)?.score ?? 1);
    const { points, cells, centroid, extent } = row;
    const isMade = state.made.has(id);
    const name = state.names.get(id) ?? "";
    return { id, name, score, isMade, points, cells, centroid, extent };
  });
}

/** Points of each cell, of all points where only a share of them is drawn. */
export function weightsOf(perCell, drawn, total) {
  return Float32Array.from(perCell, (count) => (count * (total || drawn)) / Math.max(drawn, 1));
}

/** Rows that reach both thresholds. */
export function kept(rows, { score, points }) {
  return rows.filter((row) => row.score >= score && row.points >= points);
}

/** Rows in the order of a column; ties by id, so that nothing jumps. */
export function ordered(rows, column, isRising) {
  const value = {
    id: (row) => row.id,
    score: (row) => row.score,
    points: (row) => row.points,
    height: (row) => row.centroid[2],
    size: (row) => Math.hypot(...row.extent),
  }[column];
  const sign = isRising ? 1 : -1;
  return [...rows].sort((a, b) => sign * (value(a) - value(b)) || a.id - b.id);
}

/** What a row is called. */
export function nameOf({ id, name }) {
  return name || `Object ${id}`;
}

/**
 * The frame that shows rows of a labelling; cells of other instances belong to none, and stay where
 * they are.
 *
 * @param {object} scene as decoded @param {object} base frame of the layer, for its offsets
 * @param {Int32Array} labels @param {object[]} rows shown
 * @returns {{frame: object, slots: Int32Array}} `slots` are the ids, which colours are dealt by
 */
export function frameOf(scene, base, labels, rows) {
  const rowOf = new Map(rows.map(({ id }, row) => [id, row]));
  const instance = new Int16Array(labels.length).fill(-1);
  for (let cell = 0; cell < labels.length; cell++) {
    if (labels[cell] >= 0) instance[cell] = rowOf.get(labels[cell]) ?? -1;
  }
  const offsetTeacher = Uint16Array.from(base.offsetTeacher, (half, k) =>
    instance[Math.floor(k / 3)] < 0 ? 0 : half,
  );
  const frame = {
    ...base,
    offsetTeacher,
    segment: new Uint8Array(labels.length).fill(NO_SEGMENT),
    instance,
    score: Float32Array.from(rows, ({ score }) => score),
    centroid: Float32Array.from(rows.flatMap(({ centroid }) => centroid)),
    numInstances: rows.length,
  };
  return { frame, slots: Int32Array.from(rows, ({ id }) => id) };
}

/** Where each cell of an instance votes, in metres: its place plus its predicted offset. */
export function votesOf(scene, offset, labels, id) {
  const floats = offset && toFloats(offset);
  const cells = [];
  for (let cell = 0; cell < labels.length; cell++) if (labels[cell] === id) cells.push(cell);
  const places = new Float32Array(3 * cells.length);
  cells.forEach((cell, k) => {
    for (let axis = 0; axis < 3; axis++) {
      const way = floats ? floats[3 * cell + axis] : 0;
      places[3 * k + axis] = scene.cellCoord[3 * cell + axis] * scene.scale + way;
    }
  });
  return { cells, places };
}

export function hasOffsets(frame) {
  return frame.offsetTeacher.some((bits) => (bits & 0x7fff) !== 0);
}

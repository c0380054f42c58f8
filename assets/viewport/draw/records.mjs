/**
 * Inspected scenes and frames as the viewport uses them, decoded from the run folder's arrays
 * (`pointins_engine/run_log/records.py` declares the keys). N points, M cells, K pseudo-instances.
 *
 * Positions are metres from the scene's origin: small numbers, so that single precision is enough.
 */

import { halfToFloat, parseSafetensors } from "./safetensors.mjs";
import { categoryColor, parseColor } from "./palette.mjs";

export const NO_SEGMENT = 255; // of a cell that took no part in the clustering

const U16_MAX = 65535;
const SAMPLE = 4096; // points that bounds are taken from; a prefix is an even subsample
const FAR_FACTOR = 1.4; // bounds this much wider than the core mean lone far returns
const TAIL = 0.02; // share of the sample left out at each end, against lone far returns

export function decodeScene(buffer) {
  const { metadata, arrays } = parseSafetensors(buffer);
  const data = (name) => arrays[name]?.data ?? null;
  const coord = data("coord_u16");
  const numCells = arrays.cell_is_plane.shape[0];
  const numPoints = arrays.coord_u16.shape[0];
  const scale = JSON.parse(metadata.scale);
  const cellSize = JSON.parse(metadata.cell_size);
  const bounds = boundsOf(coord, numPoints, scale, 0);
  const core = coreOf(bounds, boundsOf(coord, numPoints, scale, TAIL));
  return {
    id: metadata.id,
    origin: JSON.parse(metadata.origin),
    scale,
    cellSize,
    numPoints,
    numCells,
    coord,
    cellIndex: data("cell_index"),
    cellCoord: data("cell_coord_u16"),
    cellIsPlane: data("cell_is_plane"),
    color: data("color"),
    intensity: data("intensity"),
    instance: data("instance_label"),
    classNames: JSON.parse(metadata.class_names ?? "[]"),
    spacing: cellSize / Math.sqrt(Math.max(numPoints / numCells, 1)), // metres between points
    bounds,
    core,
  };
}

export function decodeFrame(buffer, step) {
  const { arrays, metadata } = parseSafetensors(buffer);
  const { feature } = arrays;
  return {
    step,
    bytes: buffer.byteLength,
    numCells: arrays.segment.shape[0],
    offsetTeacher: arrays.offset_teacher.data,
    offsetRegularized: arrays.offset_regularized.data,
    segment: arrays.segment.data,
    instance: arrays.pseudo_instance.data,
    pca: arrays.pca_color.data,
    centroid: arrays.centroid.data,
    numInstances: arrays.centroid.shape[0],
    level: arrays.odr_level?.data ?? null, // 65535 u of its rank in ODR, 0 = not mapped
    feature: feature
      ? {
          data: feature.data,
          width: feature.shape[1],
          share: JSON.parse(metadata.feature_share ?? "null"), // of the variance, where it is told
        }
      : null,
  };
}

/** Lowest and highest corner in metres, without the outer `tail` of each axis. */
function boundsOf(coord, numPoints, scale, tail) {
  const count = tail > 0 ? Math.min(numPoints, SAMPLE) : numPoints;
  const low = [0, 0, 0];
  const high = [0, 0, 0];
  for (let axis = 0; axis < 3; axis++) {
    if (tail > 0) {
      const values = Uint16Array.from({ length: count }, (_, k) => coord[3 * k + axis]).sort();
      low[axis] = values[Math.floor(tail * (count - 1))] * scale;
      high[axis] = values[Math.ceil((1 - tail) * (count - 1))] * scale;
      continue;
    }
    let [least, most] = [U16_MAX, 0];
    for (let k = axis; k < 3 * count; k += 3) {
      if (coord[k] < least) least = coord[k];
      if (coord[k] > most) most = coord[k];
    }
    low[axis] = least * scale;
    high[axis] = most * scale;
  }
  return { low, high };
}

/** The bounds that count: all of a room, but of a street not the few far returns. */
function coreOf(bounds, trimmed) {
  const isCompact = bounds.low.every(
    (low, axis) => bounds.high[axis] - low < FAR_FACTOR * (trimmed.high[axis] - trimmed.low[axis]),
  );
  return isCompact ? bounds : trimmed;
}

/** What "input" means for a scene: its colours, else its intensity, else nothing. */
export function inputKind(scene) {
  if (scene.color) return "color";
  return scene.intensity ? "intensity" : null;
}

/** Three bytes a point for colourings that belong to points: input or ground truth. */
export function tintOf(scene, colouring, unassigned) {
  if (colouring === "truth") return truthTint(scene, unassigned);
  if (scene.color) return scene.color;
  if (!scene.intensity) return new Uint8Array(scene.numPoints * 3).fill(160);
  // Square root: most returns are weak, and equal steps in the picture should be visible.
  const greys = Array.from({ length: 256 }, (_, value) =>
    new Array(3).fill(46 + 198 * Math.sqrt(value / 255)),
  );
  return painted(scene.numPoints, (k) => greys[scene.intensity[k]]);
}

function truthTint(scene, unassigned) {
  const { instance, numPoints } = scene;
  const ids = new Set();
  let last = -1; // neighbours in the list are often of one instance
  for (let k = 0; k < numPoints; k++) {
    if (instance[k] !== last && instance[k] >= 0) ids.add((last = instance[k]));
  }
  const colors = new Map();
  [...ids]
    .sort((a, b) => a - b)
    .forEach((id, rank) => colors.set(id, parseColor(categoryColor(rank))));
  return painted(numPoints, (k) => colors.get(instance[k]) ?? unassigned);
}

/** Three bytes a point from its colour. */
function painted(numPoints, colorOf) {
  const tint = new Uint8Array(numPoints * 3);
  for (let k = 0; k < numPoints; k++) {
    const color = colorOf(k);
    tint[3 * k] = color[0];
    tint[3 * k + 1] = color[1];
    tint[3 * k + 2] = color[2];
  }
  return tint;
}

/**
 * Where each cell goes at t = 1, relative to the cell: the teacher's offset, the same after ODR, or
 * the way to the centroid of its pseudo-instance (zero without one).
 * @returns {Uint16Array | Float32Array} half floats as bits for offsets, single for targets
 */
export function displacementOf(scene, frame, votes) {
  if (votes === "before") return frame.offsetTeacher;
  if (votes === "after") return frame.offsetRegularized;
  const way = new Float32Array(frame.numCells * 3);
  const centroid = centroidsOf(scene, frame);
  for (let cell = 0; cell < frame.numCells; cell++) {
    const row = frame.instance[cell];
    if (row < 0) continue;
    for (let axis = 0; axis < 3; axis++) {
      const k = 3 * cell + axis;
      way[k] = centroid[3 * row + axis] - scene.cellCoord[k] * scene.scale;
    }
  }
  return way;
}

/** Centroids in metres from the scene's origin. */
export function centroidsOf(scene, frame) {
  return frame.centroid.map((value, k) => value - scene.origin[k % 3]);
}

/** Mean length in metres of a frame's offsets off the planes. */
export function meanLength(scene, halves) {
  let [sum, count] = [0, 0];
  for (let cell = 0; cell < scene.numCells; cell++) {
    if (scene.cellIsPlane[cell]) continue;
    const x = halfToFloat(halves[3 * cell]);
    const y = halfToFloat(halves[3 * cell + 1]);
    const z = halfToFloat(halves[3 * cell + 2]);
    sum += Math.sqrt(x * x + y * y + z * z);
    count += 1;
  }
  return count ? sum / count : 0;
}

/**
 * What a frame says of one picked point: its offset, what ODR makes of it (PIT: length, rank,
 * length of that rank under the prior; PointINS Sec. 3.2), its pseudo-instance and its target.
 *
 * All places are metres in the scene's own frame, with its origin added; lengths are metres.
 */

import { NO_SEGMENT, centroidsOf } from "../draw/records.mjs";
import { halfToFloat } from "../draw/safetensors.mjs";
import { nameOf, objectKey } from "./visibility.mjs";

const U16_MAX = 65535;

/**
 * @param {object} scene
 * @param {{frame: object, slots: ?Int32Array}} shown slots are needed for the name only
 * @param {{point: number, cell: number}} picked
 * @param {?object} quantiles {before, prior}: lengths at even levels, of the frame's statistics
 */
export function factsOf(scene, { frame, slots }, { point, cell }, quantiles = null) {
  const before = vectorAt(frame.offsetTeacher, cell);
  const after = vectorAt(frame.offsetRegularized, cell);
  const row = frame.instance[cell];
  const cellPlace = placeAt(scene, scene.cellCoord, cell);
  const facts = {
    place: placeAt(scene, scene.coord, point),
    cellPlace,
    isPlane: Boolean(scene.cellIsPlane[cell]),
    segment: frame.segment[cell] === NO_SEGMENT ? null : frame.segment[cell],
    truth: scene.instance && scene.instance[point] >= 0 ? scene.instance[point] : null,
    hasTruth: scene.instance !== null,
    before,
    beforeLength: Math.hypot(...before),
    after,
    afterLength: Math.hypot(...after),
    ...levelOf(frame, cell, Math.hypot(...before), quantiles),
    object: null,
  };
  facts.priorLength =
    facts.level === null || !quantiles ? null : lengthAt(quantiles.prior, facts.level);
  if (row >= 0) facts.object = objectOf(scene, frame, slots, row, cellPlace);
  return facts;
}

function objectOf(scene, frame, slots, row, cellPlace) {
  const slot = slots ? slots[row] : row;
  const local = centroidsOf(scene, frame).subarray(3 * row, 3 * row + 3);
  const centroid = Array.from(local, (value, axis) => value + scene.origin[axis]);
  let cells = 0;
  for (const id of frame.instance) cells += id === row ? 1 : 0;
  const target = centroid.map((value, axis) => value - cellPlace[axis]);
  const key = objectKey(slot);
  return {
    key,
    name: nameOf(key),
    slot,
    row,
    cells,
    centroid,
    target,
    targetLength: Math.hypot(...target),
  };
}

/** The rank level u of a cell: recorded, else read off the quantiles, else unknown. */
function levelOf(frame, cell, length, quantiles) {
  if (frame.level) {
    const value = frame.level[cell];
    return { level: value > 0 ? value / U16_MAX : null, isRecorded: true };
  }
  return { level: quantiles ? levelAt(quantiles.before, length) : null, isRecorded: false };
}

/** Level of the k-th of `count` quantiles, as the statistics place them. */
export function quantileLevel(k, count) {
  return (k + 0.5) / count;
}

/** The length at a level, between the quantiles. */
export function lengthAt(quantiles, level) {
  const at = Math.min(Math.max(level * quantiles.length - 0.5, 0), quantiles.length - 1);
  const low = Math.min(Math.floor(at), quantiles.length - 2);
  return quantiles[low] + (at - low) * (quantiles[low + 1] - quantiles[low]);
}

/** The level of a length, between the quantiles. */
export function levelAt(quantiles, length) {
  const next = quantiles.findIndex((value) => value > length);
  if (next === 0) return quantileLevel(0, quantiles.length);
  if (next < 0) return quantileLevel(quantiles.length - 1, quantiles.length);
  const gap = quantiles[next] - quantiles[next - 1];
  const share = gap > 0 ? (length - quantiles[next - 1]) / gap : 0;
  return (next - 0.5 + share) / quantiles.length;
}

export function vectorAt(halves, cell) {
  return [0, 1, 2].map((axis) => halfToFloat(halves[3 * cell + axis]));
}

function placeAt(scene, coord, index) {
  return [0, 1, 2].map((axis) => coord[3 * index + axis] * scene.scale + scene.origin[axis]);
}

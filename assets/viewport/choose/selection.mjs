/**
 * Sets of cells: chosen by a rule or by hand, combined, remembered, and written down for a link.
 *
 * A selection is {mask, numCells, numPoints, label, rule}: mask has a byte a cell, rule says how to
 * make the set again ({kind: "length" | "segment" | "instance", ..., step}, or {kind: "cells"}).
 * It is a set of cells, so it stays what it is while frames change.
 */

import { halfToFloat } from "../draw/safetensors.mjs";

export const MOST_LINK_BYTES = 2000;

const lengthsKept = new WeakMap(); // frame -> {before, after}

/** Lengths in metres of a frame's offsets before or after ODR, kept with the frame. */
export function lengthsOf(frame, which) {
  const kept = lengthsKept.get(frame) ?? {};
  lengthsKept.set(frame, kept);
  kept[which] ??= measured(which === "before" ? frame.offsetTeacher : frame.offsetRegularized);
  return kept[which];
}

function measured(halves) {
  const lengths = new Float32Array(halves.length / 3);
  for (let cell = 0; cell < lengths.length; cell++) {
    const x = halfToFloat(halves[3 * cell]);
    const y = halfToFloat(halves[3 * cell + 1]);
    const z = halfToFloat(halves[3 * cell + 2]);
    lengths[cell] = Math.sqrt(x * x + y * y + z * z);
  }
  return lengths;
}

/** How many points lie in each cell. */
export function pointsPerCell({ cellIndex, numCells }) {
  const counts = new Uint32Array(numCells);
  for (let point = 0; point < cellIndex.length; point++) counts[cellIndex[point]] += 1;
  return counts;
}

/**
 * Cells whose offset is at least `low` and below `high` metres long, of those that ODR counts: the
 * ones with a rank, in a frame that tells.
 */
export function cellsOfLength(frame, { which, low, high }) {
  const lengths = lengthsOf(frame, which);
  const { level } = frame;
  return maskOf(frame.numCells, (cell) => {
    return (!level || level[cell] > 0) && lengths[cell] >= low && lengths[cell] < high;
  });
}

export function cellsOfSegment(frame, segment) {
  return maskOf(frame.numCells, (cell) => frame.segment[cell] === segment);
}

export function cellsOfInstance(frame, row) {
  return maskOf(frame.numCells, (cell) => frame.instance[cell] === row);
}

/** What a rule selects in its frame; null for a rule that no frame tells. */
export function cellsOfRule(frame, rule) {
  if (rule.kind === "length") return cellsOfLength(frame, rule);
  if (rule.kind === "segment") return cellsOfSegment(frame, rule.segment);
  if (rule.kind === "instance") return cellsOfInstance(frame, rule.row);
  return null;
}

export function maskOfCells(numCells, cells) {
  const mask = new Uint8Array(numCells);
  for (const cell of cells) if (cell < numCells) mask[cell] = 1;
  return mask;
}

/** @param {"replace" | "add" | "remove"} mode */
export function combined(before, mask, mode) {
  if (!before || mode === "replace") return mode === "remove" ? new Uint8Array(mask.length) : mask;
  const keep = mode === "add" ? (a, b) => a | b : (a, b) => a & ~b & 1;
  return mask.map((value, cell) => keep(before[cell], value));
}

/** A selection, or null where nothing is selected. */
export function makeSelection(mask, perCell, label, rule = { kind: "cells" }) {
  let [numCells, numPoints] = [0, 0];
  for (let cell = 0; cell < mask.length; cell++) {
    if (!mask[cell]) continue;
    numCells += 1;
    numPoints += perCell[cell];
  }
  return numCells ? { mask, numCells, numPoints, label, rule } : null;
}

/**
 * A mask as text: lengths of runs, off and on in turn, as base64 (for addresses) of numbers of
 * seven bits a byte.
 */
export function writeRuns(mask) {
  const bytes = [];
  let [value, length] = [0, 0];
  const put = (number) => {
    for (; number > 127; number >>>= 7) bytes.push((number & 127) | 128);
    bytes.push(number);
  };
  for (const cell of mask) {
    if (cell === value) {
      length += 1;
      continue;
    }
    put(length);
    [value, length] = [cell, 1];
  }
  if (value) put(length); // what is off at the end need not be said
  const text = bytes.map((byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The mask of a text, or null where the text is not of a mask of that many cells. */
export function readRuns(text, numCells) {
  if (!/^[\w-]*$/.test(text)) return null;
  let bytes;
  try {
    bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return null;
  }
  const mask = new Uint8Array(numCells);
  let [at, value, number, shift] = [0, 0, 0, 0];
  for (const letter of bytes) {
    const byte = letter.charCodeAt(0);
    number += (byte & 127) * 2 ** shift;
    shift += 7;
    if (byte & 128) continue;
    if (at + number > numCells) return null;
    if (value) mask.fill(1, at, at + number);
    [at, value, number, shift] = [at + number, 1 - value, 0, 0];
  }
  return mask;
}

function maskOf(numCells, isIn) {
  const mask = new Uint8Array(numCells);
  for (let cell = 0; cell < numCells; cell++) mask[cell] = isIn(cell) ? 1 : 0;
  return mask;
}

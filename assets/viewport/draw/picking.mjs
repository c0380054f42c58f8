/**
 * From the picture back to points and cells: the point nearest to a place, the cells inside an
 * outline. Places are pixels from the top left corner; metres from the scene's origin.
 */

import { displacementOf } from "./records.mjs";
import { toFloats } from "./safetensors.mjs";

/**
 * The entry nearest to the middle of a square of pixels.
 * @param {Uint32Array} square point + 1 of each pixel, 0 where there is none; rows upwards
 * @returns {number} a point, -1 where the square is empty
 */
export function nearestPoint(square) {
  const edge = Math.sqrt(square.length);
  const middle = (edge - 1) / 2;
  let [best, nearest] = [Infinity, -1];
  for (let k = 0; k < square.length; k++) {
    if (!square[k]) continue;
    const distance = Math.hypot((k % edge) - middle, Math.floor(k / edge) - middle);
    if (distance < best) [best, nearest] = [distance, square[k] - 1];
  }
  return nearest;
}

/** Where a pane's points are while they are not at rest, as `cellsInside` wants it; else null. */
export function movedOf(scene, { frame, look }) {
  if (!frame || look.t === 0) return null;
  const isTarget = look.votes === "target";
  return {
    t: look.t,
    way: toFloats(displacementOf(scene, frame, look.votes)),
    stays: (cell) => isTarget && frame.instance[cell] < 0,
  };
}

/** Where a place in metres lies in the picture; null behind the eye. */
export function projected(matrix, { left, top, width, height }, x, y, z) {
  const w = matrix[3] * x + matrix[7] * y + matrix[11] * z + matrix[15];
  if (w <= 0) return null;
  const across = (matrix[0] * x + matrix[4] * y + matrix[8] * z + matrix[12]) / w;
  const up = (matrix[1] * x + matrix[5] * y + matrix[9] * z + matrix[13]) / w;
  return [left + ((across + 1) / 2) * width, top + ((1 - up) / 2) * height];
}

/**
 * Cells with a shown point inside an outline; points behind others count.
 *
 * @param {{scene: object, matrix: number[], box: {left: number, top: number, width: number,
 *   height: number}, polygon: number[][], isLeftOut: (cell: number) => boolean,
 *   moved: ?{t: number, way: Float32Array, stays: (cell: number) => boolean}}} picture `moved`
 *   tells where points are while they are not at rest: a share `t` of the way of their cell
 * @returns {Uint32Array} cells, rising
 */
export function cellsInside({ scene, matrix, box, polygon, isLeftOut, moved }) {
  const isInside = insideOf(polygon);
  const { cellCoord, cellIndex, coord, numCells, numPoints, scale } = scene;
  const isSettled = Uint8Array.from({ length: numCells }, (_, cell) => (isLeftOut(cell) ? 1 : 0));
  const found = [];
  for (let k = 0; k < numPoints; k++) {
    const cell = cellIndex[k];
    if (isSettled[cell]) continue;
    let x = coord[3 * k] * scale;
    let y = coord[3 * k + 1] * scale;
    let z = coord[3 * k + 2] * scale;
    if (moved && !moved.stays(cell)) {
      const { t, way } = moved;
      x += (cellCoord[3 * cell] * scale + way[3 * cell] - x) * t;
      y += (cellCoord[3 * cell + 1] * scale + way[3 * cell + 1] - y) * t;
      z += (cellCoord[3 * cell + 2] * scale + way[3 * cell + 2] - z) * t;
    }
    const place = projected(matrix, box, x, y, z);
    if (!place || !isInside(place[0], place[1])) continue;
    isSettled[cell] = 1;
    found.push(cell);
  }
  return Uint32Array.from(found).sort();
}

/**
 * Tells whether a place is inside an outline (even-odd). Crossings are found once a row of pixels,
 * so that a hand-drawn outline of hundreds of corners costs a point a few comparisons.
 */
export function insideOf(polygon) {
  const [across, down] = [0, 1].map((axis) => polygon.map((corner) => corner[axis]));
  const [left, right] = [Math.min(...across), Math.max(...across)];
  const first = Math.floor(Math.min(...down));
  const rows = Array.from({ length: Math.ceil(Math.max(...down)) - first }, (_, k) =>
    crossings(polygon, first + k + 0.5),
  );
  return (x, y) => {
    const row = rows[Math.floor(y) - first];
    if (!row || x < left || x > right) return false;
    let before = 0;
    for (let k = 0; k < row.length; k++) if (row[k] < x) before++;
    return before % 2 === 1;
  };
}

function crossings(polygon, y) {
  const found = [];
  for (let k = 0; k < polygon.length; k++) {
    const [ax, ay] = polygon[k];
    const [bx, by] = polygon[(k + 1) % polygon.length];
    if (ay <= y !== by <= y) found.push(ax + ((y - ay) / (by - ay)) * (bx - ax));
  }
  return found;
}

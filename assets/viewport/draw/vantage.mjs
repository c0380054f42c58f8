/**
 * Where to look at a scene from first, and which points the picture has to hold. Of eight sides, 10
 * degrees off the diagonals between the walls, the one that shows most of what is not on planes, as
 * in the still pictures of a run (`app/pictures/vantage.py`); but here what is dense is rather near, which
 * shows a single depth picture from its sensor's side. Metres from the scene's origin.
 */

import { basis } from "./camera.mjs";
import { FLAG, cutAway, wholeFlags } from "./cutaway.mjs";
import { medianOf } from "../page/numbers.mjs";

const PITCH = 0.63; // radians; three-quarter view: floor and fronts both show
const TURNS = [35, 55].map((degrees) => (degrees * Math.PI) / 180);
const FAR_AWAY = 1e4; // metres; from there all walls are seen along one direction
const FAR_POINT = 3; // median distances from the middle; where a scene has lone far returns, what
const DENSE = 0.9; // lies beyond is not framed, but this share of the points always is
const FRAME_SAMPLE = 6000; // points; a prefix is an even subsample
const MOST_PIXELS = 1024; // edge of the picture in which cells are counted

/** Yaw and pitch of the first view. */
export function homeView(scene, shell, walls) {
  let best = { score: -Infinity };
  for (let quarter = 0; quarter < 4; quarter++) {
    for (const turn of TURNS) {
      const view = { yaw: shell.wallAngle + turn + (quarter * Math.PI) / 2, pitch: PITCH };
      const flags = flagsFrom(scene, shell, walls, basis(view).back);
      const seen = countSeen(scene, flags, view) + 1; // where all are planes, density decides
      const score = seen * (1 + densityAhead(scene, basis(view).back));
      if (score > best.score) best = { score, view };
    }
  }
  return best.view;
}

/** The points that a picture from `view` has to hold, without those cut away and far returns. */
export function framedPoints(scene, shell, walls, view) {
  const flags = flagsFrom(scene, shell, walls, basis(view).back);
  const points = [];
  for (let k = 0; k < Math.min(scene.numPoints, FRAME_SAMPLE); k++) {
    if (flags[scene.cellIndex[k]] === FLAG.cut) continue;
    points.push([0, 1, 2].map((axis) => scene.coord[3 * k + axis] * scene.scale));
  }
  if (!points.length) return [scene.bounds.low, scene.bounds.high];
  const middle = [0, 1, 2].map((axis) => medianOf(points.map((point) => point[axis])));
  const distances = points.map((point) => Math.hypot(...point.map((at, k) => at - middle[k])));
  const rising = Float64Array.from(distances).sort();
  const hasFarReturns = scene.core !== scene.bounds;
  const dense = rising[Math.floor(DENSE * (rising.length - 1))];
  const reach = hasFarReturns ? Math.max(FAR_POINT * medianOf(rising), dense) : Infinity;
  return points.filter((_, k) => distances[k] <= reach);
}

function flagsFrom(scene, shell, walls, back) {
  const flags = wholeFlags(scene);
  const middle = scene.bounds.low.map((low, axis) => (low + scene.bounds.high[axis]) / 2);
  const eye = middle.map((at, axis) => at + FAR_AWAY * back[axis]);
  if (walls === "cut") cutAway(shell, eye, flags);
  return flags;
}

/** How many cells off the planes nothing covers, seen from far away. */
function countSeen({ cellCoord, cellSize, numCells, scale }, flags, view) {
  const { right, up, back } = basis(view);
  const along = ([ax, ay, az]) => {
    const places = new Float32Array(numCells);
    for (let cell = 0; cell < numCells; cell++) {
      const [k, m, n] = [3 * cell, 3 * cell + 1, 3 * cell + 2];
      places[cell] = scale * (cellCoord[k] * ax + cellCoord[m] * ay + cellCoord[n] * az);
    }
    return places;
  };
  const [x, y, depth] = [along(right), along(up), along(back)];
  const [left, width] = rangeOf(x);
  const [bottom, height] = rangeOf(y);
  const edge = Math.max(1.5 * cellSize, Math.max(width, height) / MOST_PIXELS);
  const columns = Math.floor(width / edge) + 1;
  const nearest = new Int32Array(columns * (Math.floor(height / edge) + 1)).fill(-1);
  for (let cell = 0; cell < numCells; cell++) {
    if (flags[cell] === FLAG.cut) continue;
    const row = Math.floor((y[cell] - bottom) / edge);
    const at = row * columns + Math.floor((x[cell] - left) / edge);
    if (nearest[at] < 0 || depth[cell] > depth[nearest[at]]) nearest[at] = cell;
  }
  let seen = 0;
  for (const cell of nearest) if (cell >= 0 && flags[cell] === FLAG.free) seen++;
  return seen;
}

/**
 * How much nearer to the eye the middle of the points is than that of the cells, over the scene's
 * depth: above 0 where the near part is the dense one.
 */
function densityAhead({ bounds, cellCoord, coord, numCells, numPoints, scale }, back) {
  const middle = (list, count) => {
    let sum = 0;
    for (let k = 0; k < 3 * count; k++) sum += list[k] * back[k % 3];
    return (scale * sum) / count;
  };
  const depth = bounds.high.reduce(
    (sum, high, axis) => sum + (high - bounds.low[axis]) * Math.abs(back[axis]),
    0,
  );
  const sample = Math.min(numPoints, FRAME_SAMPLE);
  return (middle(coord, sample) - middle(cellCoord, numCells)) / Math.max(depth, 1e-6);
}

/** Least value, and how far the others reach beyond it. */
function rangeOf(values) {
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return [least, most - least];
}

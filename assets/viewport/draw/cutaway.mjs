/**
 * Walls that stand between the eye and the inside of a room, so that they can be left out.
 *
 * A plane cell knows which way the inside lies. It is cut away while it turns its back to the eye:
 * a wall while the eye is behind it, a ceiling while the eye is above it. An eye inside the room
 * sees every wall. A kerb stays, so that the outline of the room does. The still pictures of a run
 * are cut by the same rule (`app/pictures/vantage.py`). M cells; metres from the scene's origin.
 */

import { medianOf, thinnestAxis } from "../page/numbers.mjs";

export const WALLS = ["all", "cut", "hidden"];

const KERB = 0.25; // metres of a cut wall that stay
const CEILING = 1.5; // a level plane this far above the lowest thing under it is a ceiling
const LEVEL = 0.7; // upward share of a normal from which a plane counts as level
const COLUMN = 0.5; // metres, edge of the columns in which "the lowest thing under it" is found
const PATCH = 2; // cells, edge of the patches that share a normal; it is that of 3 x 3 x 3 patches
const LEAST_CELLS = 6; // in those, for a normal to mean something

/** What a cell's entry in the flags says. */
export const FLAG = { free: 0, plane: 1, cut: 2 };

/**
 * @returns {{cells: Uint32Array, inward: Float32Array, coord: Float32Array, wallAngle: number}} the
 *   cells that may be cut, with unit vectors to the inside and positions, three numbers each;
 *   direction of the walls in radians, 0 to pi / 2
 */
export function shellOf(scene) {
  const { numCells, cellIsPlane, scale } = scene;
  const coord = new Float32Array(scene.cellCoord).map((value) => value * scale);
  const height = heightOverLowest(coord, numCells);
  const normals = patchNormals(coord, cellIsPlane, scene.cellSize);
  const inside = insideOf(coord, cellIsPlane);
  const shell = { cells: [], inward: [], coord: [] };
  let [turnedX, turnedY] = [0, 0]; // four-fold symmetric mean of the walls' directions
  for (let cell = 0; cell < numCells; cell++) {
    const normal = cellIsPlane[cell] ? normals(cell) : null;
    if (!normal) continue;
    const at = coord.subarray(3 * cell, 3 * cell + 3);
    const inward = inwardOf(normal, at, inside, height[cell]);
    if (inward && inward[2] === 0) {
      const angle = 4 * Math.atan2(inward[1], inward[0]);
      turnedX += Math.cos(angle);
      turnedY += Math.sin(angle);
    }
    if (!inward || height[cell] <= KERB) continue;
    shell.cells.push(cell);
    shell.inward.push(...inward);
    shell.coord.push(...at);
  }
  const quarter = Math.PI / 2;
  const turned = Math.atan2(turnedY, turnedX) / 4;
  return {
    cells: Uint32Array.from(shell.cells),
    inward: Float32Array.from(shell.inward),
    coord: Float32Array.from(shell.coord),
    wallAngle: ((turned % quarter) + quarter) % quarter,
  };
}

/** Flags of a scene nothing of which is cut. */
export function wholeFlags({ cellIsPlane }) {
  const flags = new Uint8Array(cellIsPlane.length);
  for (let cell = 0; cell < flags.length; cell++) if (cellIsPlane[cell]) flags[cell] = FLAG.plane;
  return flags;
}

/** Bring `flags` up to date with the place of the eye; true if any of them changed. */
export function cutAway({ cells, inward, coord }, eye, flags) {
  let changed = false;
  for (let k = 0; k < cells.length; k++) {
    const facing =
      inward[3 * k] * (eye[0] - coord[3 * k]) +
      inward[3 * k + 1] * (eye[1] - coord[3 * k + 1]) +
      inward[3 * k + 2] * (eye[2] - coord[3 * k + 2]);
    const flag = facing < 0 ? FLAG.cut : FLAG.plane;
    if (flags[cells[k]] === flag) continue;
    flags[cells[k]] = flag;
    changed = true;
  }
  return changed;
}

/** Unit vector from a plane cell to the inside: level for walls, down for ceilings, else null. */
function inwardOf([x, y, z], at, inside, height) {
  if (Math.abs(z) > LEVEL) return height > CEILING ? [0, 0, -1] : null;
  const away = x * (inside[0] - at[0]) + y * (inside[1] - at[1]) + z * (inside[2] - at[2]) < 0;
  const length = Math.hypot(x, y) * (away ? -1 : 1);
  return [x / length, y / length, 0];
}

/** The middle of what is not on planes, or of everything where nothing else is. */
function insideOf(coord, cellIsPlane) {
  const cells = Uint32Array.from(cellIsPlane.keys());
  const free = cells.filter((cell) => !cellIsPlane[cell]);
  const counted = free.length ? free : cells;
  return [0, 1, 2].map((axis) => {
    const along = new Float32Array(counted.length);
    for (let k = 0; k < along.length; k++) along[k] = coord[3 * counted[k] + axis];
    return medianOf(along);
  });
}

/** Metres of each cell over the lowest one in its column or a column beside it. */
function heightOverLowest(coord, numCells) {
  const column = (cell, axis) => Math.floor(coord[3 * cell + axis] / COLUMN) + 1;
  let [columns, rows] = [0, 0];
  for (let cell = 0; cell < numCells; cell++) {
    columns = Math.max(columns, column(cell, 0) + 2);
    rows = Math.max(rows, column(cell, 1) + 2);
  }
  const lowest = new Float32Array(columns * rows).fill(Infinity);
  for (let cell = 0; cell < numCells; cell++) {
    const here = column(cell, 1) * columns + column(cell, 0);
    for (let side = 0; side < 9; side++) {
      const at = here + (Math.floor(side / 3) - 1) * columns + (side % 3) - 1;
      lowest[at] = Math.min(lowest[at], coord[3 * cell + 2]);
    }
  }
  return Float32Array.from(
    { length: numCells },
    (_, cell) => coord[3 * cell + 2] - lowest[column(cell, 1) * columns + column(cell, 0)],
  );
}

/** The normal of each plane cell's patch, of either sign; null where there is too little of it. */
function patchNormals(coord, cellIsPlane, cellSize) {
  const SIDE = 1 << 17; // patches an axis; three of them fit a safe integer
  const edge = PATCH * cellSize;
  const keyOf = (cell) => {
    const place = (axis) => Math.floor(coord[3 * cell + axis] / edge) + 1;
    return (place(2) * SIDE + place(1)) * SIDE + place(0);
  };
  const patches = new Map(); // key -> count, sums of x y z, of xx xy xz yy yz zz
  for (let cell = 0; cell < cellIsPlane.length; cell++) {
    if (!cellIsPlane[cell]) continue;
    const key = keyOf(cell);
    let sums = patches.get(key);
    if (!sums) patches.set(key, (sums = new Float64Array(10)));
    const x = coord[3 * cell];
    const y = coord[3 * cell + 1];
    const z = coord[3 * cell + 2];
    sums[0] += 1;
    sums[1] += x;
    sums[2] += y;
    sums[3] += z;
    sums[4] += x * x;
    sums[5] += x * y;
    sums[6] += x * z;
    sums[7] += y * y;
    sums[8] += y * z;
    sums[9] += z * z;
  }
  const found = new Map();
  const normalAround = (key) => {
    const total = new Float64Array(10);
    for (let side = 0; side < 27; side++) {
      const row = (Math.floor(side / 9) - 1) * SIDE + (Math.floor(side / 3) % 3) - 1;
      const sums = patches.get(key + row * SIDE + (side % 3) - 1);
      for (let k = 0; sums && k < 10; k++) total[k] += sums[k];
    }
    if (total[0] < LEAST_CELLS) return null;
    const [count, x, y, z, xx, xy, xz, yy, yz, zz] = total;
    const spread = (product, a, b) => product / count - (a / count) * (b / count);
    return thinnestAxis([
      spread(xx, x, x),
      spread(xy, x, y),
      spread(xz, x, z),
      spread(yy, y, y),
      spread(yz, y, z),
      spread(zz, z, z),
    ]);
  };
  return (cell) => {
    const key = keyOf(cell);
    if (!found.has(key)) found.set(key, normalAround(key));
    return found.get(key);
  };
}

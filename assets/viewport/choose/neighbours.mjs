/**
 * Which cells are near a cell: in the space of the teacher's features, and in the room. That the
 * two differ is what the features have learned.
 */

export const NUM_NEIGHBOURS = 30;

/** The `count` cells of most cosine to `cell`, most alike first; `width` numbers a cell. */
export function nearestInFeatures({ data, width }, cell, count = NUM_NEIGHBOURS) {
  const own = data.subarray(cell * width, (cell + 1) * width);
  const numCells = data.length / width;
  const far = new Float32Array(numCells);
  for (let other = 0; other < numCells; other++) {
    let [dot, square] = [0, 0];
    for (let k = 0, at = other * width; k < width; k++, at++) {
      dot += own[k] * data[at];
      square += data[at] * data[at];
    }
    far[other] = square > 0 ? -dot / Math.sqrt(square) : Infinity;
  }
  return least(far, cell, count);
}

/** The `count` cells nearest in the room, nearest first. */
export function nearestInSpace({ cellCoord, numCells }, cell, count = NUM_NEIGHBOURS) {
  const [x, y, z] = cellCoord.subarray(3 * cell, 3 * cell + 3);
  const far = new Float32Array(numCells);
  for (let other = 0; other < numCells; other++) {
    const dx = cellCoord[3 * other] - x;
    const dy = cellCoord[3 * other + 1] - y;
    const dz = cellCoord[3 * other + 2] - z;
    far[other] = dx * dx + dy * dy + dz * dz;
  }
  return least(far, cell, count);
}

/** Both sets, how many cells they share, and how far away (m) the first lies on average. */
export function contrasted(scene, feature, cell, count = NUM_NEIGHBOURS) {
  const alike = nearestInFeatures(feature, cell, count);
  const near = nearestInSpace(scene, cell, count);
  const both = new Set(near);
  const away = alike.map((other) => scene.scale * distance(scene.cellCoord, cell, other));
  return {
    alike,
    near,
    numComponents: feature.width,
    share: feature.share ?? null,
    shared: alike.filter((other) => both.has(other)).length,
    meanAway: away.reduce((sum, metres) => sum + metres, 0) / Math.max(away.length, 1),
  };
}

function distance(coord, a, b) {
  return Math.hypot(...[0, 1, 2].map((axis) => coord[3 * a + axis] - coord[3 * b + axis]));
}

/** Indices of the `count` least values but `except`'s, by rising value; ties by index. */
function least(values, except, count) {
  const best = []; // indices, by rising value
  let bound = Infinity;
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (index === except || !(value < bound)) continue;
    let at = best.length;
    while (at > 0 && values[best[at - 1]] > value) at--;
    best.splice(at, 0, index);
    if (best.length > count) best.pop();
    if (best.length === count) bound = values[best[count - 1]];
  }
  return best;
}

/** Two groups of places: K-means with K = 2 from the two places that lie farthest apart. */

const MOST_ROUNDS = 60;

/**
 * @param {Float32Array} places x, y, z of n places
 * @returns {?Uint8Array} 0 or 1 a place; the first place is in group 0. Null where all are one.
 */
export function twoMeans(places) {
  const count = places.length / 3;
  if (count < 2) return null;
  const middle = meanOf(places, null, 0);
  const first = farthest(places, middle);
  const second = farthest(places, at(places, first));
  let centres = [at(places, first), at(places, second)];
  if (distance2(centres[0], centres[1]) === 0) return null;
  let groups = assign(places, centres);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    centres = [meanOf(places, groups, 0), meanOf(places, groups, 1)];
    const next = assign(places, centres);
    if (next.every((group, k) => group === groups[k])) break;
    groups = next;
  }
  return groups[0] === 0 ? groups : groups.map((group) => 1 - group);
}

function assign(places, centres) {
  return Uint8Array.from({ length: places.length / 3 }, (_, k) => {
    const place = at(places, k);
    return distance2(place, centres[1]) < distance2(place, centres[0]) ? 1 : 0;
  });
}

/** Mean of the places of a group; of all where there are no groups. */
function meanOf(places, groups, group) {
  const sum = [0, 0, 0];
  let count = 0;
  for (let k = 0; 3 * k < places.length; k++) {
    if (groups && groups[k] !== group) continue;
    for (let axis = 0; axis < 3; axis++) sum[axis] += places[3 * k + axis];
    count += 1;
  }
  return sum.map((value) => value / count);
}

function farthest(places, from) {
  let [best, most] = [0, -1];
  for (let k = 0; 3 * k < places.length; k++) {
    const away = distance2(at(places, k), from);
    if (away > most) [best, most] = [k, away];
  }
  return best;
}

function at(places, k) {
  return [places[3 * k], places[3 * k + 1], places[3 * k + 2]];
}

function distance2(a, b) {
  return (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2;
}

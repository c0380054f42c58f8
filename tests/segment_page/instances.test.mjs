import assert from "node:assert/strict";
import { test } from "node:test";

import {
  frameOf,
  kept,
  measured,
  nameOf,
  ordered,
  rowsOf,
  votesOf,
  weightsOf,
} from "../../assets/segment/instances.mjs";
import { makeLabelling } from "../../assets/segment/labels.mjs";
import { pointsAt, positionOf } from "../../assets/segment/thresholds.mjs";
import { twoMeans } from "../../assets/segment/two_means.mjs";

// Four cells in a row along x, one metre apart; the scene begins at (10, 0, 0).
const scene = {
  origin: [10, 0, 0],
  scale: 0.5,
  cellCoord: Uint16Array.from([0, 0, 0, 2, 0, 0, 4, 0, 0, 6, 0, 0]),
  numCells: 4,
};
const base = { numCells: 4, offsetTeacher: new Uint16Array(12), bytes: 0, step: 0 };
const told = [
  { id: 0, score: 0.9, points: 30, cells: 2, centroid: [10.5, 0, 0], extent: [1, 0, 0] },
  { id: 1, score: 0.4, points: 5, cells: 1, centroid: [12, 0, 0], extent: [0, 0, 0] },
];

test("centroids are weighted by points and places are those of the scan", () => {
  const rows = measured(Int32Array.from([0, 0, -1, 5]), scene, Float32Array.from([3, 1, 9, 2]));
  assert.deepEqual([...rows.keys()], [0, 5]);
  assert.deepEqual(rows.get(0).centroid, [10.25, 0, 0]);
  assert.deepEqual(rows.get(0).extent, [1, 0, 0]);
  assert.equal(rows.get(0).points, 4);
});

test("what nobody changed is told as the server measured it", () => {
  const state = makeLabelling([0, 0, 1, -1]);
  const rows = rowsOf(state, told, scene, Float32Array.from([1, 1, 1, 1]));
  assert.deepEqual(
    rows.map(({ points, score, isMade }) => [points, score, isMade]),
    [
      [30, 0.9, false],
      [5, 0.4, false],
    ],
  );
});

test("what was made by hand has score 1 and is measured here", () => {
  const state = makeLabelling([0, 0, 0, -1], new Map([[0, "sofa"]]), new Set([0]));
  const [row] = rowsOf(state, told, scene, Float32Array.from([1, 1, 2, 1]));
  assert.equal(row.score, 1);
  assert.equal(row.points, 4);
  assert.equal(nameOf(row), "sofa");
  assert.equal(nameOf({ id: 7, name: "" }), "Object 7");
});

test("a thinned picture counts the points that it does not draw", () => {
  assert.deepEqual([...weightsOf(Uint32Array.from([2, 3]), 5, 50)], [20, 30]);
  assert.deepEqual([...weightsOf(Uint32Array.from([2, 3]), 5, null)], [2, 3]);
});

test("both thresholds hold, and a row on them stays", () => {
  assert.deepEqual(
    kept(told, { score: 0.4, points: 0 }).map(({ id }) => id),
    [0, 1],
  );
  assert.deepEqual(
    kept(told, { score: 0.41, points: 0 }).map(({ id }) => id),
    [0],
  );
  assert.deepEqual(
    kept(told, { score: 0, points: 31 }).map(({ id }) => id),
    [],
  );
});

test("rows are ordered by any column, ties by number", () => {
  const rows = [
    { id: 2, score: 0.5, points: 1, centroid: [0, 0, 3], extent: [1, 1, 1] },
    { id: 0, score: 0.5, points: 9, centroid: [0, 0, 1], extent: [3, 0, 0] },
    { id: 1, score: 0.7, points: 4, centroid: [0, 0, 2], extent: [0, 0, 1] },
  ];
  const by = (column, isRising) => ordered(rows, column, isRising).map(({ id }) => id);
  assert.deepEqual(by("id", true), [0, 1, 2]);
  assert.deepEqual(by("score", false), [1, 0, 2]);
  assert.deepEqual(by("points", true), [2, 1, 0]);
  assert.deepEqual(by("height", true), [0, 1, 2]);
  assert.deepEqual(by("size", true), [1, 2, 0]);
});

test("a frame shows the rows that are left, in the colour of their number", () => {
  const rows = [{ ...told[1], id: 7 }];
  const voting = { ...base, offsetTeacher: new Uint16Array(12).fill(0x3c00) };
  const { frame, slots } = frameOf(scene, voting, Int32Array.from([0, 7, -1, 7]), rows);
  assert.deepEqual([...frame.instance], [-1, 0, -1, 0]);
  assert.deepEqual([...slots], [7]);
  assert.equal(frame.numInstances, 1);
  assert.deepEqual(
    [0, 3, 6, 9].map((k) => frame.offsetTeacher[k] > 0),
    [false, true, false, true],
    "only cells of an object vote",
  );
  assert.deepEqual([...frame.centroid], [12, 0, 0]);
  assert.equal(frame.score[0], Math.fround(0.4));
});

test("votes are places of cells plus their offsets", () => {
  const one = 0x3c00; // 1.0 as a half float
  const offset = Uint16Array.from([one, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const { cells, places } = votesOf(scene, offset, Int32Array.from([4, 0, 0, 4]), 4);
  assert.deepEqual(cells, [0, 3]);
  assert.deepEqual([...places], [1, 0, 0, 3, 0, 0]);
  assert.deepEqual([...votesOf(scene, null, Int32Array.from([4, 0, 0, 4]), 4).places].slice(0, 3), [
    0, 0, 0,
  ]);
});

test("two means tell two clusters of votes apart, whichever comes first", () => {
  const near = [0, 0, 0, 0.1, 0, 0, 0, 0.1, 0];
  const far = [5, 0, 0, 5.1, 0, 0];
  assert.deepEqual([...twoMeans(Float32Array.from([...near, ...far]))], [0, 0, 0, 1, 1]);
  assert.deepEqual([...twoMeans(Float32Array.from([...far, ...near]))], [0, 0, 1, 1, 1]);
});

test("one place cannot be told apart", () => {
  assert.equal(twoMeans(Float32Array.from([1, 2, 3, 1, 2, 3])), null);
  assert.equal(twoMeans(Float32Array.from([1, 2, 3])), null);
});

test("the slider of sizes goes from any to the largest object", () => {
  assert.equal(pointsAt(0, 5000), 0);
  assert.equal(pointsAt(100, 5000), 5000);
  assert.equal(positionOf(0, 5000), 0);
  assert.equal(positionOf(5000, 5000), 100);
  for (const position of [30, 50, 80]) {
    assert.equal(positionOf(pointsAt(position, 1e6), 1e6), position);
  }
});

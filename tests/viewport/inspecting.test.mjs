import assert from "node:assert/strict";
import { test } from "node:test";

import {
  adjustedRandIndex,
  changedCells,
  changedShare,
  differenceColors,
} from "../../assets/viewport/choose/compare.mjs";
import {
  contrasted,
  nearestInFeatures,
  nearestInSpace,
} from "../../assets/viewport/choose/neighbours.mjs";
import { categoryColor, parseColor } from "../../assets/viewport/draw/palette.mjs";
import { delta } from "../../assets/viewport/choose/pick_card.mjs";
import { factsOf, lengthAt, levelAt, quantileLevel } from "../../assets/viewport/choose/pick_facts.mjs";
import { TrailRecord } from "../../assets/viewport/time/trail_record.mjs";

function random(seed) {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}

test("neighbours are those that a full sort finds", () => {
  const next = random(7);
  const [numCells, width, cell] = [500, 16, 123];
  const data = Int8Array.from({ length: numCells * width }, () => Math.round(254 * next() - 127));
  const cellCoord = Uint16Array.from({ length: 3 * numCells }, () => Math.floor(65_000 * next()));
  const others = Array.from({ length: numCells }, (_, k) => k).filter((k) => k !== cell);
  const row = (k) => [...data.subarray(width * k, width * (k + 1))];
  const dot = (a, b) => a.reduce((sum, value, k) => sum + value * b[k], 0);
  const cosine = (k) => dot(row(k), row(cell)) / Math.sqrt(dot(row(k), row(k)));
  const place = (k) => [...cellCoord.subarray(3 * k, 3 * k + 3)];
  const far = (k) => Math.hypot(...place(k).map((value, axis) => value - place(cell)[axis]));
  const alike = others.toSorted((a, b) => cosine(b) - cosine(a)).slice(0, 30);
  const near = others.toSorted((a, b) => far(a) - far(b)).slice(0, 30);
  assert.deepEqual(nearestInFeatures({ data, width }, cell), alike);
  assert.deepEqual(nearestInSpace({ cellCoord, numCells }, cell), near);
  const scene = { cellCoord, numCells, scale: 0.001 };
  const { shared, meanAway } = contrasted(scene, { data, width }, cell);
  assert.equal(shared, alike.filter((k) => near.includes(k)).length);
  const mean = alike.reduce((sum, k) => sum + 0.001 * far(k), 0) / 30;
  assert.ok(Math.abs(meanAway - mean) < 1e-9);
});

test("cells without features are nobody's neighbours, and few cells have few neighbours", () => {
  const data = Int8Array.of(1, 0, 0, 0, 5, 5, 9, 1);
  assert.deepEqual(nearestInFeatures({ data, width: 2 }, 0), [3, 2]);
});

test("the adjusted Rand index has its known values", () => {
  assert.equal(adjustedRandIndex([0, 0, 1, 1], [1, 1, 0, 0]), 1, "names do not matter");
  assert.equal(adjustedRandIndex([0, 0, 0, 0], [0, 0, 0, 0]), 1);
  // Hubert and Arabie's index by hand: one pair shared, 2 and 1 pairs, chance 1/3 of 6 pairs.
  const value = adjustedRandIndex([0, 0, 1, 1], [0, 0, 1, 2]);
  assert.ok(Math.abs(value - (1 - 1 / 3) / (1.5 - 1 / 3)) < 1e-12);
  assert.ok(Math.abs(adjustedRandIndex([0, 0, 1, 1], [0, 1, 0, 1]) + 0.5) < 1e-12);
  assert.equal(adjustedRandIndex([0, -1], [0, 0]), null, "one cell has no pairs");
  const next = random(3);
  const deal = () => Array.from({ length: 5000 }, () => Math.floor(8 * next()));
  assert.ok(Math.abs(adjustedRandIndex(deal(), deal())) < 0.01, "chance is about 0");
});

test("a cell has changed if its object has, whatever the rows are called", () => {
  const a = { instance: Int16Array.of(0, 0, 1, -1, -1) };
  const b = { instance: Int16Array.of(1, 1, 0, 0, -1) };
  const changed = changedCells(b, Int32Array.of(8, 4), a, Int32Array.of(4, 9));
  assert.deepEqual([...changed], [0, 0, 1, 1, 0]);
  assert.equal(changedShare(b, a, changed), 0.5);
  const [quiet, none] = [
    [1, 2, 3],
    [250, 250, 250],
  ];
  const colors = differenceColors(b, Int32Array.of(8, 4), changed, { quiet, none });
  assert.deepEqual([...colors.subarray(0, 3)], quiet);
  assert.deepEqual([...colors.subarray(6, 9)], parseColor(categoryColor(8)));
  const lost = differenceColors(a, Int32Array.of(4, 9), changed, { quiet, none });
  assert.deepEqual([...lost.subarray(9, 12)], none);
});

test("length and level of quantiles are each other's inverse", () => {
  const quantiles = Array.from({ length: 101 }, (_, k) => 0.02 * k + 0.0001 * k * k);
  for (const level of [0.01, 0.3, 0.5, 0.987]) {
    assert.ok(Math.abs(levelAt(quantiles, lengthAt(quantiles, level)) - level) < 1e-9);
  }
  assert.ok(Math.abs(lengthAt(quantiles, quantileLevel(50, 101)) - quantiles[50]) < 1e-12);
  assert.equal(lengthAt(quantiles, 0), quantiles[0]);
  assert.equal(levelAt(quantiles, 99), quantileLevel(100, 101));
});

const SCENE = {
  origin: [10, 0, 0],
  scale: 0.001,
  numCells: 2,
  coord: Uint16Array.of(1000, 2000, 0, 0, 0, 0),
  cellIndex: Uint32Array.of(1, 0),
  cellCoord: Uint16Array.of(0, 0, 0, 1000, 2000, 0),
  cellIsPlane: Uint8Array.of(1, 0),
  instance: Int32Array.of(5, -1),
};
const FRAME = {
  step: 1,
  numCells: 2,
  numInstances: 1,
  offsetTeacher: Uint16Array.of(0, 0, 0, 0x3c00, 0, 0),
  offsetRegularized: Uint16Array.of(0, 0, 0, 0x4000, 0, 0),
  segment: Uint8Array.of(255, 3),
  instance: Int16Array.of(-1, 0),
  centroid: Float32Array.of(11, 2, 4),
  level: Uint16Array.of(0, 32768),
};

test("a picked point says what ODR and SCR do to it, in metres of the scene", () => {
  const shown = { frame: FRAME, slots: Int32Array.of(6) };
  const quantiles = { before: [0.5, 1, 1.5], prior: [1, 2, 3] };
  const facts = factsOf(SCENE, shown, { point: 0, cell: 1 }, quantiles);
  assert.deepEqual(facts.place, [11, 2, 0]);
  assert.deepEqual([facts.beforeLength, facts.afterLength], [1, 2]);
  assert.ok(Math.abs(facts.level - 0.5) < 1e-4);
  assert.ok(Math.abs(facts.priorLength - 2) < 1e-3);
  assert.deepEqual([facts.segment, facts.truth, facts.isPlane], [3, 5, false]);
  assert.deepEqual(facts.object.centroid, [11, 2, 4]);
  assert.deepEqual([facts.object.slot, facts.object.cells, facts.object.targetLength], [6, 1, 4]);
});

test("a plane has neither rank nor target, and an old run tells the rank by its quantiles", () => {
  const shown = { frame: FRAME, slots: Int32Array.of(6) };
  const plane = factsOf(SCENE, shown, { point: 1, cell: 0 });
  assert.deepEqual(
    [plane.level, plane.object, plane.segment, plane.isPlane],
    [null, null, null, true],
  );
  const old = { frame: { ...FRAME, level: null }, slots: Int32Array.of(6) };
  const quantiles = { before: [0.5, 1, 1.5], prior: [1, 2, 3] };
  const facts = factsOf(SCENE, old, { point: 0, cell: 1 }, quantiles);
  assert.ok(Math.abs(facts.level - 0.5) < 1e-9);
  assert.equal(facts.isRecorded, false);
});

test("a change is told with its sign, and only where both are known", () => {
  const say = (value) => value.toFixed(2);
  assert.equal(delta(1.5, 1, say), "Δ +0.50");
  assert.equal(delta(1, 1.5, say), "Δ −0.50");
  assert.equal(delta(1, null, say), "");
  assert.equal(delta(null, 1, say), "");
});

test("a trail follows an object whose row changes, the same way every time", () => {
  const scene = { origin: [0, 0, 0] };
  const frame = (step, instance, centroid) => ({
    step,
    instance: Int16Array.from(instance),
    centroid: Float32Array.from(centroid.flatMap((x) => [x, 0, 0])),
    numInstances: centroid.length,
  });
  const shown = { frame: frame(20, [0, 0, 1, 1, 2], [5, 50, 9]), slots: Int32Array.of(3, 8, 1) };
  const older = [frame(10, [1, 1, 0, 0, -1], [40, 4]), frame(0, [1, 1, 0, 0, -1], [30, 3])];
  const record = new TrailRecord();
  const expected = new Map([
    [
      3,
      [
        [3, 0, 0, 0],
        [4, 0, 0, 10],
        [5, 0, 0, 20],
      ],
    ],
    [
      8,
      [
        [30, 0, 0, 0],
        [40, 0, 0, 10],
        [50, 0, 0, 20],
      ],
    ],
  ]);
  assert.deepEqual(record.trails(scene, shown, older), expected, "a new object has no trail");
  assert.deepEqual(record.trails(scene, shown, older), expected);
});

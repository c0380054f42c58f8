import assert from "node:assert/strict";
import { test } from "node:test";

import { readRange, snapRange } from "../../assets/panels/brush.mjs";
import { colorOf, heirs, rowsBySize } from "../../assets/panels/instances.mjs";
import { Latest } from "../../assets/panels/latest.mjs";
import { metres, percent } from "../../assets/panels/words.mjs";
import { CATEGORIES } from "../../assets/viewport/draw/palette.mjs";

const META = { view: "density", max_m: 2, num_bins: 20 };

test("typed lengths are a range only if the smaller one comes first", () => {
  assert.deepEqual(readRange("0.8", "1.1"), { low: 0.8, high: 1.1 });
  assert.deepEqual(readRange("", "1"), { low: 0, high: 1 });
  assert.deepEqual(readRange("1", ""), { low: 1, high: Infinity });
  for (const [low, high] of [["1", "1"], ["2", "1"], ["-1", "1"], ["x", "1"]]) {
    assert.equal(readRange(low, high), null);
  }
});

test("a brush over the density takes whole bins, over the others what was dragged", () => {
  const { low, high } = snapRange([0.57, 0.33], META);
  assert.deepEqual([low.toFixed(3), high.toFixed(3)], ["0.300", "0.600"]);
  const bin = snapRange([0.41, 0.42], META);
  assert.deepEqual([bin.low.toFixed(3), bin.high.toFixed(3)], ["0.400", "0.500"]);
  assert.deepEqual(snapRange([0.33, 0.57], { ...META, view: "cdf" }), { low: 0.33, high: 0.57 });
});

test("a brush to the end of the axis has no upper end, as the last bin", () => {
  assert.equal(snapRange([1.4, 2], META).high, Infinity);
  assert.equal(snapRange([1.4, 2.1], { ...META, view: "map" }).high, Infinity);
  assert.equal(snapRange([-0.1, 0.2], { ...META, view: "map" }).low, 0);
});

test("rows stand by falling size, equal ones by row, as the bars do", () => {
  assert.deepEqual(rowsBySize(Int16Array.from([2, 2, -1, 0, 1, 2, 1, 0]), 4), [2, 0, 1, 3]);
});

test("a block before has the colour of the row that most of it went to", () => {
  const to = heirs([[0, 3, 10], [0, 1, 40], [5, 2, 7]]);
  assert.deepEqual([...to], [[0, 1], [5, 2]]);
  assert.equal(colorOf(to.get(0), Int32Array.from([7, 4]), "grey"), CATEGORIES[4]);
  assert.equal(colorOf(-1, Int32Array.from([7]), "grey"), "grey");
});

test("while a question is out newer ones wait, and only the last of them is asked", () => {
  const latest = new Latest();
  const at = (now, isHeld = false) => ({ now, isHeld });
  const first = latest.next({ step: 1 }, at(0));
  assert.deepEqual(first, { ask: 1, cursor: { step: 1 } });
  for (const step of [2, 3, 4]) assert.equal(latest.next({ step }, at(10 * step)), null);
  latest.answered(first.ask);
  assert.deepEqual(latest.next({ step: 4 }, at(60)), { ask: 2, cursor: { step: 4 } });
  latest.answered(1); // late, from the one before
  assert.equal(latest.next({ step: 5 }, at(70)), null);
});

test("the same is not asked twice within a moment, and a lost answer is given up", () => {
  const latest = new Latest();
  const at = (now) => ({ now, isHeld: false });
  latest.answered(latest.next(null, at(0)).ask);
  assert.equal(latest.next(null, at(100)), null);
  const second = latest.next(null, at(3000));
  assert.equal(second.ask, 2);
  assert.equal(latest.next({ step: 1 }, at(3100)), null);
  assert.equal(latest.next({ step: 1 }, at(9000)).ask, 3);
});

test("nothing is asked while a hand is on the panels", () => {
  const latest = new Latest();
  assert.equal(latest.next({ step: 1 }, { now: 0, isHeld: true }), null);
  assert.equal(latest.next({ step: 1 }, { now: 1, isHeld: false }).ask, 1);
});

test("numbers have three digits and their unit", () => {
  assert.deepEqual([metres(0.21234), metres(0), metres(12.345)], ["0.212 m", "0 m", "12.3 m"]);
  assert.deepEqual([metres(1234.5), metres(0.0004)], ["1,235 m", "< 0.001 m"]);
  assert.deepEqual([percent(0.1234), percent(0)], ["12.3 %", "0 %"]);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  binShares,
  distance,
  quantilesOf,
  sampleCells,
  selectedLengths,
  slopeAt,
  summarise,
  traceOf,
} from "../../assets/panels/lengths.mjs";

const near = (a, b, tolerance = 1e-9) =>
  assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);

test("only selected cells that ODR mapped count", () => {
  const lengths = Float32Array.from([4, 1, 3, 2]);
  const mask = Uint8Array.from([1, 1, 1, 0]);
  assert.deepEqual([...selectedLengths(lengths, mask, null)], [1, 3, 4]);
  assert.deepEqual([...selectedLengths(lengths, mask, Uint16Array.from([9, 0, 9, 9]))], [3, 4]);
});

test("shares of bins add up to one and the last bin is open", () => {
  const shares = binShares(Float32Array.from([0, 0.4, 0.5, 0.99, 7]), 1, 2);
  assert.deepEqual(shares, [0.4, 0.6]);
});

test("quantiles stand at (k - 0.5) / n with straight lines between values", () => {
  // Values are an even ramp 0..100, so the quantile at level u is 100 u.
  const ramp = Float32Array.from({ length: 101 }, (_, k) => k);
  quantilesOf(ramp, 4).forEach((value, k) => near(value, (100 * (k + 0.5)) / 4, 1e-5));
});

test("moving all lengths by a centimetre is one centimetre of W1", () => {
  const prior = Array.from({ length: 101 }, (_, k) => k / 100);
  near(distance(prior.map((value) => value + 0.01), prior), 0.01);
  near(distance(prior, prior), 0);
});

test("a selection that is distributed as the prior has no distance to it", () => {
  const prior = Array.from({ length: 101 }, (_, k) => Math.sqrt((k + 0.5) / 101));
  const num = 4000;
  const sorted = Float32Array.from({ length: num }, (_, k) => Math.sqrt((k + 0.5) / num));
  const { count, mean, w1, zeroShare } = summarise(sorted, prior);
  assert.equal(count, num);
  near(w1, 0, 1e-4);
  near(mean, 2 / 3, 1e-4); // of the square root of a uniform number
  near(zeroShare, 0.0004, 3e-4); // below 2 cm
  assert.equal(summarise(new Float32Array(0), prior), null);
});

test("a selection has a line in each chart of lengths", () => {
  const meta = { prior: [0.1, 0.2, 0.3], max_m: 1, num_bins: 2 };
  const sorted = Float32Array.from([0.25, 0.25, 0.75]);
  const summary = summarise(sorted, meta.prior);
  const density = traceOf({ ...meta, view: "density" }, sorted, summary);
  assert.deepEqual(density.x, [0, 0.5, 1]);
  assert.deepEqual(density.y.map((v) => v.toFixed(3)), ["0.667", "0.333", "0.333"]);
  const cdf = traceOf({ ...meta, view: "cdf" }, sorted, summary);
  assert.deepEqual(cdf.x, summary.quantiles);
  assert.deepEqual(cdf.y.map((v) => v.toFixed(3)), ["0.167", "0.500", "0.833"]);
  const qq = traceOf({ ...meta, view: "qq" }, sorted, summary);
  assert.deepEqual([qq.x, qq.y], [meta.prior, summary.quantiles]);
  assert.deepEqual(traceOf({ ...meta, view: "cdf" }, sorted, null), { x: [], y: [] });
});

test("the slope of the map is that of the quantiles around a length", () => {
  const [before, after] = [[0, 1, 2, 2, 4], [0, 3, 4, 4.5, 5]];
  near(slopeAt(before, after, 0.5, 0.01), 3);
  near(slopeAt(before, after, 1.5, 0.01), 1);
  near(slopeAt(before, after, 3, 0.01), 0.25);
  near(slopeAt(before, after, 9, 0.01), 0.25); // beyond the ends as at the ends
  near(slopeAt(before, after, -1, 0.01), 3);
  near(slopeAt(before, after, 1.5, 1.5), 4.5 / 2); // neighbours that are too near are taken along
  assert.equal(slopeAt([1, 1], [0, 2], 1, 0.01), Infinity);
});

test("a sample is spread over the selection and never larger than asked for", () => {
  const mask = Uint8Array.from({ length: 1000 }, (_, k) => (k >= 500 ? 1 : 0));
  const cells = sampleCells(mask, null, 50);
  assert.equal(cells.length, 50);
  assert.deepEqual([cells[0], cells[49]], [500, 990]);
  assert.deepEqual(sampleCells(mask.subarray(0, 502), null, 50), [500, 501]);
});

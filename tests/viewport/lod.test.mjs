import assert from "node:assert/strict";
import { test } from "node:test";

import { FIRST_BUDGET, nextBudget, pointsToDraw, sizeFactor } from "../../assets/viewport/draw/lod.mjs";

/** Budget after many pictures on a machine that draws `perMs` points a millisecond. */
function settled(perMs, total, fixedMs = 4) {
  let budget = FIRST_BUDGET;
  for (let k = 0; k < 200; k++) {
    const drawn = pointsToDraw(total, budget, true);
    budget = nextBudget(budget, drawn, fixedMs + drawn / perMs);
  }
  return budget;
}

test("a still camera gets every point, a moving one what the budget allows", () => {
  assert.equal(pointsToDraw(120_000, 30_000, false), 120_000);
  assert.equal(pointsToDraw(120_000, 30_000.4, true), 30_000);
  assert.equal(pointsToDraw(6_000, 30_000, true), 6_000);
  assert.ok(pointsToDraw(120_000, 1, true) >= 20_000, "never so few that the scene is lost");
});

test("the budget settles where a picture in motion takes about 30 ms", () => {
  for (const perMs of [1_500, 4_000, 40_000]) {
    const drawn = pointsToDraw(1e6, settled(perMs, 1e6), true);
    const pictureMs = 4 + drawn / perMs;
    assert.ok(pictureMs < 41, `${perMs} a ms: ${pictureMs} ms`);
    assert.ok(pictureMs > 20 || drawn === 1e6, `${perMs} a ms: ${pictureMs} ms`);
  }
});

test("a slow machine gets its first relief at once, however slow", () => {
  let budget = FIRST_BUDGET;
  for (let k = 0; k < 5; k++) budget = nextBudget(budget, Math.min(budget, 120_000), 600);
  assert.ok(budget <= 20_000);
});

test("a fast machine with a small scene does not let the budget run away", () => {
  assert.ok(settled(1e6, 50_000) <= 2 * FIRST_BUDGET);
  assert.ok(Number.isFinite(nextBudget(1e5, 1e5, 0)));
});

test("fewer points are drawn larger, within reason", () => {
  assert.equal(sizeFactor(1000, 1000), 1);
  assert.equal(sizeFactor(2000, 1000), Math.SQRT2);
  assert.equal(sizeFactor(1e6, 10), 1.8);
  assert.equal(sizeFactor(1000, 0), 1);
});

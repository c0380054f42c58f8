import assert from "node:assert/strict";
import { test } from "node:test";

import { matchSlots } from "../../assets/viewport/time/identity.mjs";

test("the first frame deals slots out in order", () => {
  assert.deepEqual([...matchSlots(Int16Array.from([0, 1, 2, -1]), 3)], [0, 1, 2]);
});

test("renumbered instances keep their slots", () => {
  const before = { ids: Int16Array.from([0, 0, 1, 1, 2, -1]), slots: Int32Array.from([4, 0, 7]) };
  const slots = matchSlots(Int16Array.from([2, 2, 0, 0, 1, -1]), 3, before);
  assert.deepEqual([...slots], [0, 7, 4]);
});

test("of a split, the larger part keeps the slot and the other gets a free one", () => {
  const before = { ids: Int16Array.from([0, 0, 0, 0, 1]), slots: Int32Array.from([0, 1]) };
  assert.deepEqual([...matchSlots(Int16Array.from([1, 0, 0, 0, 2]), 3, before)], [0, 2, 1]);
});

test("of a merge, the larger part gives its slot", () => {
  const before = { ids: Int16Array.from([0, 1, 1, 1]), slots: Int32Array.from([0, 1]) };
  assert.deepEqual([...matchSlots(Int16Array.from([0, 0, 0, 0]), 1, before)], [1]);
});

test("a new object takes no slot of the frame before, so nothing is mistaken for it", () => {
  const before = { ids: Int16Array.from([0, 0, -1, -1]), slots: Int32Array.from([0]) };
  assert.deepEqual([...matchSlots(Int16Array.from([-1, -1, 0, 0]), 1, before)], [1]);
});

test("up to twenty objects never share a colour, however often they come and go", () => {
  let before = null;
  for (let frame = 0; frame < 40; frame++) {
    const count = 8 + ((frame * 5) % 13);
    const ids = Int16Array.from(
      { length: 400 },
      (_, cell) => Math.floor((cell + 37 * frame) / 20) % count,
    );
    const slots = matchSlots(ids, count, before);
    assert.equal(new Set([...slots].map((slot) => slot % 20)).size, count, `frame ${frame}`);
    before = { ids, slots };
  }
});

test("a sliver of overlap is not the same object", () => {
  const before = { ids: Int16Array.from([0, 0, 0, 0, 0, -1, -1, -1]), slots: Int32Array.from([3]) };
  assert.deepEqual([...matchSlots(Int16Array.from([-1, -1, -1, -1, 0, 0, 0, 0]), 1, before)], [0]);
});

test("no two rows share a slot, whatever changes", () => {
  let seed = 7;
  const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
  let before = null;
  for (let frame = 0; frame < 50; frame++) {
    const count = 1 + random(40);
    const ids = Int16Array.from({ length: 300 }, () => random(count + 1) - 1);
    const slots = matchSlots(ids, count, before);
    assert.equal(new Set(slots).size, count);
    assert.ok(slots.every((slot) => slot >= 0));
    before = { ids, slots };
  }
});

test("a frame of another scene is not matched", () => {
  const before = { ids: Int16Array.from([0]), slots: Int32Array.from([9]) };
  assert.deepEqual([...matchSlots(Int16Array.from([0, 0]), 1, before)], [0]);
});

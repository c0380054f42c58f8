import assert from "node:assert/strict";
import { test } from "node:test";

import { FrameCache } from "../../assets/viewport/time/cache.mjs";

/** A cache of frames of 10 bytes that notes what it loaded. */
function cacheOf(limit) {
  const loaded = [];
  const cache = new FrameCache(async (key) => {
    loaded.push(key);
    if (key === "bad") throw new Error("damaged");
    return { key, bytes: 10 };
  }, limit);
  return { cache, loaded };
}

test("a frame is loaded once, also when two ask at the same time", async () => {
  const { cache, loaded } = cacheOf(100);
  const [a, b] = await Promise.all([cache.get("1"), cache.get("1")]);
  assert.equal(a, b);
  assert.equal(await cache.get("1"), a);
  assert.deepEqual(loaded, ["1"]);
});

test("what was used longest ago goes first, and memory stays within its limit", async () => {
  const { cache, loaded } = cacheOf(30);
  for (const key of ["1", "2", "3", "1", "4"]) await cache.get(key);
  assert.equal(cache.bytes, 30);
  assert.deepEqual(
    ["1", "2", "3", "4"].map((key) => cache.has(key)),
    [true, false, true, true],
  );
  await cache.get("2");
  assert.deepEqual(loaded, ["1", "2", "3", "4", "2"]);
});

test("a frame larger than the limit can still be shown", async () => {
  const { cache } = cacheOf(5);
  assert.equal((await cache.get("1")).key, "1");
});

test("a failed frame is asked for again", async () => {
  const { cache, loaded } = cacheOf(100);
  await assert.rejects(cache.get("bad"), /damaged/);
  await assert.rejects(cache.get("bad"), /damaged/);
  assert.equal(loaded.length, 2);
});

test("what was under way when the cache was cleared is not kept", async () => {
  const { cache } = cacheOf(100);
  const late = cache.get("1");
  cache.clear();
  await late;
  assert.equal(cache.has("1"), false);
  assert.equal(cache.bytes, 0);
});

test("requests that nobody waits for any more are given up, the others come", async () => {
  const loads = new Map();
  const cache = new FrameCache(
    (key, signal) =>
      new Promise((resolve, reject) => {
        loads.set(key, () => resolve({ key, bytes: 10 }));
        signal.addEventListener("abort", () => reject(new DOMException("gone", "AbortError")));
      }),
  );
  const [wanted, left] = [cache.get("1"), cache.get("2")];
  cache.abortBut(new Set(["1"]));
  await assert.rejects(left, { name: "AbortError" });
  const again = cache.get("2");
  loads.get("1")();
  loads.get("2")();
  assert.deepEqual([(await wanted).key, (await again).key], ["1", "2"]);
});

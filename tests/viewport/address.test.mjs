import assert from "node:assert/strict";
import { test } from "node:test";

import { readLook, writeLook } from "../../assets/viewport/page/address.mjs";
import { colouringsOf } from "../../assets/viewport/page/scene_toolbar.mjs";

const COLOURINGS = ["input", "height", "truth"];

test("a look comes back from its address", () => {
  const look = {
    colouring: "truth",
    walls: "cut",
    t: 0.25,
    size: 2,
    camera: { target: [1.5, -2, 0.25], distance: 12.5, yaw: -1.05, pitch: 0.63 },
  };
  assert.deepEqual(readLook(writeLook(look), COLOURINGS), look);
});

test("what is default leaves the address short", () => {
  const text = writeLook({ colouring: "input", walls: "all", t: 0, size: 1, camera: null });
  assert.equal(text, "#colouring=input&walls=all");
});

test("values that make no sense are left out", () => {
  const text = "#colouring=magic&walls=none&t=7&size=-1&camera=1,2,3,0,0,0";
  assert.deepEqual(readLook(text, COLOURINGS), {});
  assert.deepEqual(readLook("#camera=1,2,x,4,5,6&t=abc", COLOURINGS), {});
  assert.deepEqual(readLook("", COLOURINGS), {});
});

test("a scan offers the colourings that it has", () => {
  const bare = { color: null, intensity: null, instance: null };
  assert.deepEqual(Object.keys(colouringsOf(bare, { hasClasses: false })), ["height", "plane"]);
  const sweep = { ...bare, intensity: new Uint8Array(1), instance: new Int32Array(1) };
  assert.deepEqual(colouringsOf(sweep, { hasClasses: true }), {
    input: "Intensity",
    height: "Height",
    truth: "True instance",
    segment: "Class",
    plane: "Planes",
  });
});

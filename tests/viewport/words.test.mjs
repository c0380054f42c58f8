import assert from "node:assert/strict";
import { test } from "node:test";

import * as format from "../../assets/viewport/page/format.mjs";
import { commandOf, isTakenBy } from "../../assets/viewport/page/keys.mjs";

test("numbers carry their unit and at most three digits that matter", () => {
  const cases = [
    [format.count, 999, "999"],
    [format.count, 9_999, "9,999"],
    [format.count, 60_000, "60k"],
    [format.count, 123_782, "124k"],
    [format.count, 1_240_000, "1.24M"],
    [format.bytes, 43_674, "43.7 kB"],
    [format.bytes, 1_510_000, "1.51 MB"],
    [format.metres, 0.4345, "43.5 cm"],
    [format.metres, 1.239, "1.24 m"],
    [format.metres, 0, "0 cm"],
    [format.duration, 0.2, "under 1 s"],
    [format.duration, 61, "61 s"],
    [format.duration, 600, "10 min"],
    [format.duration, 9000, "2.5 h"],
    [format.ordinal, 2, "2nd"],
    [format.ordinal, 3, "3rd"],
    [format.ordinal, 11, "11th"],
    [format.ordinal, 21, "21st"],
  ];
  for (const [say, value, expected] of cases) assert.equal(say(value), expected);
});

test("a column of tenths has no minus before nothing", () => {
  assert.deepEqual([-0.04, -0.06, 0, 1.26].map(format.tenths), ["0.0", "-0.1", "0.0", "1.3"]);
});

test("a name falls into two parts that make it up, and a long one keeps its end", () => {
  for (const name of ["", "room_0", "sequences-00-velodyne-000000"]) {
    assert.equal(format.splitName(name).join(""), name);
  }
  assert.equal(format.splitName("room_0")[1], "");
  assert.equal(format.splitName("sequences-00-velodyne-000000")[1], "000000");
});

test("keys ask for what the help panel says, and leave browser chords alone", () => {
  assert.deepEqual(commandOf({ key: " " }), ["play"]);
  assert.deepEqual(commandOf({ key: "ArrowLeft" }), ["move", -1]);
  assert.deepEqual(commandOf({ key: "ArrowRight", shiftKey: true }), ["move", 10]);
  assert.deepEqual(commandOf({ key: "End" }), ["follow"]);
  assert.deepEqual(commandOf({ key: "?", shiftKey: true }), ["help"]);
  assert.deepEqual(commandOf({ key: "R", shiftKey: true }), ["reset"]);
  assert.deepEqual(commandOf({ key: "P" }), ["walls"]);
  assert.deepEqual(commandOf({ key: "+", shiftKey: true }), ["size", 1]);
  assert.equal(commandOf({ key: "r", ctrlKey: true }), null);
  assert.equal(commandOf({ key: "w" }), null);
  assert.deepEqual(commandOf({ key: "z", ctrlKey: true }), ["undo"]);
  assert.deepEqual(commandOf({ key: "Z", ctrlKey: true, shiftKey: true }), ["redo"]);
  assert.deepEqual(commandOf({ key: "k", metaKey: true }), ["palette"]);
  assert.deepEqual(commandOf({ key: "[", ctrlKey: true }), ["earlierSelection"]);
  assert.equal(commandOf({ key: "b" }, "scene"), null);
  assert.deepEqual(commandOf({ key: "[" }, "scene"), ["step", "Previous scene"]);
});

test("a slider keeps its arrows, a button its Space, a list all but Escape", () => {
  const element = (type, ...selectors) => ({
    type,
    matches: (list) => list.split(", ").some((selector) => selectors.includes(selector)),
  });
  assert.ok(isTakenBy(element("range", "input"), "ArrowLeft"));
  assert.ok(!isTakenBy(element("range", "input"), "p"));
  assert.ok(isTakenBy(element("number", "input"), "z"), "a field undoes what was typed itself");
  assert.ok(isTakenBy(element("button", "button"), " "));
  assert.ok(!isTakenBy(element("button", "button"), "ArrowLeft"));
  assert.ok(isTakenBy(element("", "select"), "p"));
  assert.ok(!isTakenBy(element("", "select"), "Escape"));
});

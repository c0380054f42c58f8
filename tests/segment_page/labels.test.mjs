import assert from "node:assert/strict";
import { test } from "node:test";

import {
  Changes,
  carve,
  labelsAsBase64,
  makeLabelling,
  merge,
  remove,
  rename,
  sizesOf,
  split,
} from "../../assets/segment/labels.mjs";

const labels = [0, 0, 0, 1, 1, 2, -1, -1];
const fresh = () => makeLabelling(labels);
const after = (make) => {
  const state = fresh();
  new Changes().do(state, make(state));
  return [...state.labels];
};

test("merged objects carry on as the largest of them", () => {
  assert.deepEqual(
    after((state) => merge(state, [2, 1, 0])),
    [0, 0, 0, 0, 0, 0, -1, -1],
  );
  assert.deepEqual(
    after((state) => merge(state, [2, 1])),
    [0, 0, 0, 1, 1, 1, -1, -1],
  );
});

test("one object, twice the same or one that is not there merge into nothing", () => {
  for (const ids of [[], [1], [1, 1], [1, 9]]) assert.equal(merge(fresh(), ids), null);
});

test("a split gives the other part an id that was never used", () => {
  assert.deepEqual(
    after((state) => split(state, 0, (cell) => cell > 0)),
    [0, 3, 3, 1, 1, 2, -1, -1],
  );
});

test("a split that leaves a part empty is none", () => {
  assert.equal(
    split(fresh(), 0, () => true),
    null,
  );
  assert.equal(
    split(fresh(), 0, () => false),
    null,
  );
});

test("outlined cells become an object whatever they belonged to", () => {
  assert.deepEqual(
    after((state) => carve(state, Uint8Array.from([1, 0, 0, 1, 0, 0, 1, 0]))),
    [3, 0, 0, 3, 1, 2, 3, -1],
  );
});

test("what is removed belongs to none, and none cannot be removed", () => {
  assert.deepEqual(
    after((state) => remove(state, [0, 2])),
    [-1, -1, -1, 1, 1, -1, -1, -1],
  );
  assert.equal(remove(fresh(), [-1]), null);
});

test("undo and redo walk the same states back and forth", () => {
  const [state, changes] = [fresh(), new Changes()];
  const steps = [
    () => merge(state, [0, 1]),
    () => split(state, 0, (cell) => cell === 1),
    () => rename(state, 2, " a  chair "),
    () => carve(state, Uint8Array.from([0, 0, 0, 0, 0, 0, 1, 1])),
    () => remove(state, [2]),
  ];
  const seen = () => JSON.stringify([[...state.labels], [...state.names], [...state.made].sort()]);
  const states = [seen()];
  for (const step of steps) {
    assert.ok(changes.do(state, step()));
    states.push(seen());
  }
  for (let k = steps.length - 1; k >= 0; k--) {
    changes.undo(state);
    assert.equal(seen(), states[k]);
  }
  assert.equal(changes.undo(state), null);
  for (let k = 1; k <= steps.length; k++) {
    changes.redo(state);
    assert.equal(seen(), states[k]);
  }
  assert.equal(changes.redo(state), null);
});

test("a change after an undo gives up what was undone", () => {
  const [state, changes] = [fresh(), new Changes()];
  changes.do(state, merge(state, [0, 1]));
  changes.undo(state);
  changes.do(state, remove(state, [2]));
  assert.equal(changes.redo(state), null);
});

test("only so many changes are kept", () => {
  const [state, changes] = [fresh(), new Changes(3)];
  for (const text of ["a", "b", "c", "d", "e"]) changes.do(state, rename(state, 0, text));
  let undone = 0;
  while (changes.undo(state)) undone += 1;
  assert.equal(undone, 3);
  assert.equal(state.names.get(0), "b");
});

test("a name is one line, no longer than eighty letters, and none where it is blank", () => {
  const [state, changes] = [fresh(), new Changes()];
  changes.do(state, rename(state, 1, `  a\n\tb ${"x".repeat(200)}`));
  assert.equal(state.names.get(1), `a b ${"x".repeat(76)}`);
  changes.do(state, rename(state, 1, "  "));
  assert.equal(state.names.has(1), false);
  assert.equal(rename(state, 1, ""), null);
});

test("a name is text, also where it looks like markup", () => {
  const [state, changes] = [fresh(), new Changes()];
  changes.do(state, rename(state, 1, "<b>chair</b>"));
  assert.equal(state.names.get(1), "<b>chair</b>");
});

test("sizes count cells of objects only", () => {
  const counted = [...sizesOf(fresh().labels)];
  assert.deepEqual(counted, [
    [0, 3],
    [1, 2],
    [2, 1],
  ]);
});

test("labels travel as base64 of 32-bit integers, lowest byte first", () => {
  const bytes = Uint8Array.from(atob(labelsAsBase64(Int32Array.from([1, -1, 258]))), (letter) =>
    letter.charCodeAt(0),
  );
  assert.deepEqual([...bytes], [1, 0, 0, 0, 255, 255, 255, 255, 2, 1, 0, 0]);
});

test("many labels travel whole", () => {
  const many = Int32Array.from({ length: 40_000 }, (_, cell) => cell % 97);
  const text = atob(labelsAsBase64(many));
  assert.equal(text.length, 160_000);
  assert.equal(text.charCodeAt(4 * 39_999), 39_999 % 97);
});

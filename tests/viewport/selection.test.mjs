import assert from "node:assert/strict";
import { test } from "node:test";

import { History } from "../../assets/viewport/page/history.mjs";
import { modeOf, polygonOf } from "../../assets/viewport/choose/lasso.mjs";
import {
  cellsOfLength,
  combined,
  lengthsOf,
  makeSelection,
  pointsPerCell,
  readRuns,
  writeRuns,
} from "../../assets/viewport/choose/selection.mjs";
import { cellFlags, objectsOf } from "../../assets/viewport/choose/visibility.mjs";

const HALF = { 0: 0, 0.25: 0x3400, 0.5: 0x3800, 1: 0x3c00, 2: 0x4000, 3: 0x4200, 4: 0x4400 };
const halves = (...values) => Uint16Array.from(values, (value) => HALF[value]);

/** Pseudo-random numbers 0..1, the same in every run. */
function* numbers(seed = 1) {
  for (let state = seed; ;) {
    state = (state * 1103515245 + 12345) % 2147483648;
    yield state / 2147483648;
  }
}

/** Four cells with offsets of 5, 0.5, 0 and 1 m before ODR; the third has no rank. */
const FRAME = {
  step: 40,
  numCells: 4,
  numInstances: 2,
  offsetTeacher: halves(3, 4, 0, 0, 0, 0.5, 0, 0, 0, 1, 0, 0),
  offsetRegularized: halves(0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 3),
  level: Uint16Array.of(60000, 20000, 0, 40000),
  segment: Uint8Array.of(0, 1, 255, 1),
  instance: Int16Array.of(0, 1, -1, 1),
};

test("lengths are those of the vectors", () => {
  assert.deepEqual([...lengthsOf(FRAME, "before")], [5, 0.5, 0, 1]);
  assert.deepEqual([...lengthsOf(FRAME, "after")], [1, 2, 0, 3]);
});

test("ranges that share no length select every ranked cell once", () => {
  const ranges = [0, 0.5, 0.75, 1, 10].map((low, k, all) => [low, all[k + 1]]).slice(0, -1);
  const sum = new Uint8Array(4);
  for (const [low, high] of ranges) {
    cellsOfLength(FRAME, { which: "before", low, high }).forEach((on, cell) => (sum[cell] += on));
  }
  assert.deepEqual([...sum], [1, 1, 0, 1], "the cell without a rank is none of ODR's");
  const old = { ...FRAME, level: null };
  const all = cellsOfLength(old, { which: "before", low: 0, high: 10 });
  assert.deepEqual([...all], [1, 1, 1, 1], "a run that has recorded no ranks counts all");
});

test("adding, taking away and starting anew are those of sets", () => {
  const [a, b] = [Uint8Array.of(1, 1, 0, 0), Uint8Array.of(0, 1, 1, 0)];
  assert.deepEqual([...combined(a, b, "add")], [1, 1, 1, 0]);
  assert.deepEqual([...combined(a, b, "remove")], [1, 0, 0, 0]);
  assert.deepEqual([...combined(a, b, "replace")], [...b]);
  assert.deepEqual([...combined(null, b, "add")], [...b]);
  assert.deepEqual([...combined(null, b, "remove")], [0, 0, 0, 0]);
});

test("a selection counts its cells and their points, and an empty one is none", () => {
  const perCell = pointsPerCell({ numCells: 3, cellIndex: Uint32Array.of(0, 2, 2, 2, 1) });
  assert.deepEqual([...perCell], [1, 1, 3]);
  const { numCells, numPoints } = makeSelection(Uint8Array.of(1, 0, 1), perCell, "a box");
  assert.deepEqual([numCells, numPoints], [2, 4]);
  assert.equal(makeSelection(new Uint8Array(3), perCell, "a box"), null);
});

test("a set of cells comes back from its text, which has letters of addresses only", () => {
  const random = numbers();
  for (const [size, share] of [
    [0, 0],
    [1, 1],
    [300, 0.5],
    [300, 1],
    [40_000, 0.01],
    [40_000, 0.99],
  ]) {
    const mask = Uint8Array.from({ length: size }, () => (random.next().value < share ? 1 : 0));
    const text = writeRuns(mask);
    assert.match(text, /^[\w-]*$/);
    assert.deepEqual(readRuns(text, size), mask);
  }
});

test("runs that lie close are short: a tenth of 30,000 cells in order is a few letters", () => {
  const mask = new Uint8Array(30_000).fill(1, 12_000, 15_000);
  assert.ok(writeRuns(mask).length < 10);
});

test("text that is no set of so many cells is refused", () => {
  const text = writeRuns(Uint8Array.of(0, 0, 0, 1, 1));
  assert.equal(readRuns(text, 4), null, "too many cells");
  assert.equal(readRuns("a b", 5), null);
  assert.equal(readRuns("é", 5), null);
});

test("flags say which cells are selected, hidden and pointed at", () => {
  const shown = { frame: FRAME, slots: Int32Array.of(7, 3) };
  const none = { mask: null, hidden: new Set(), isolated: null, hovered: null };
  assert.equal(cellFlags(shown, none), null);
  const flags = (values) => [...cellFlags(shown, { ...none, ...values })];
  assert.deepEqual(flags({ mask: Uint8Array.of(0, 1, 0, 0) }), [0, 1, 0, 0]);
  assert.deepEqual(flags({ hidden: new Set(["segment:1"]) }), [0, 2, 0, 2]);
  assert.deepEqual(flags({ hidden: new Set(["object:7"]) }), [2, 0, 0, 0]);
  assert.deepEqual(flags({ isolated: "object:3" }), [2, 0, 2, 0]);
  assert.deepEqual(flags({ isolated: "object:99" }), [2, 2, 2, 2], "not in this frame");
  assert.deepEqual(flags({ hovered: "segment:0", mask: Uint8Array.of(1, 0, 0, 0) }), [5, 0, 0, 0]);
});

test("objects are listed with their sizes, the largest first", () => {
  const shown = { frame: FRAME, slots: Int32Array.of(7, 3) };
  const perCell = Uint32Array.of(1, 10, 100, 20);
  assert.deepEqual(objectsOf("object", shown, perCell), [
    { key: "object:3", id: 3, row: 1, cells: 2, points: 30 },
    { key: "object:7", id: 7, row: 0, cells: 1, points: 1 },
  ]);
  const segments = objectsOf("segment", shown, perCell);
  assert.deepEqual(
    segments.map(({ id, points }) => [id, points]),
    [
      [1, 30],
      [0, 1],
    ],
  );
});

test("a box has its ends as corners, a lasso all of its own", () => {
  const corners = [
    [1, 2],
    [3, 9],
    [5, 6],
  ];
  assert.deepEqual(polygonOf("box", corners), [
    [1, 2],
    [5, 2],
    [5, 6],
    [1, 6],
  ]);
  assert.deepEqual(polygonOf("lasso", corners), corners);
  assert.equal(modeOf({ shiftKey: true }), "add");
  assert.equal(modeOf({ altKey: true }), "remove");
  assert.equal(modeOf({}), "replace");
});

test("what is undone can be redone until something else is done", () => {
  const history = new History();
  for (const [k, name] of ["a", "b", "c"].entries()) history.record(name, name, 10_000 * k);
  assert.deepEqual([history.undo(), history.undo(), history.undo()], ["b", "a", null]);
  assert.equal(history.redo(), "b");
  history.record("d", "d", 90_000);
  assert.equal(history.redo(), null);
  assert.deepEqual([history.undo(), history.undo()], ["b", "a"]);
});

test("changes of one thing in quick succession are one step, of two things are two", () => {
  const history = new History();
  history.record("0", 0, 0);
  for (let k = 1; k <= 20; k++) history.record(`c${k}`, k, 1000 + 20 * k, "camera");
  history.record("w", "w", 1500, "walls");
  assert.deepEqual([history.undo(), history.undo(), history.undo()], [20, 0, null]);
});

test("the same state is not recorded twice, and the history stays within bounds", () => {
  const history = new History();
  for (let k = 0; k < 1000; k++) {
    history.record(String(k), k, 10_000 * k);
    history.record(String(k), k, 10_000 * k + 5000);
  }
  let count = 0;
  while (history.undo() !== null) count += 1;
  assert.ok(count > 50 && count < 300, `${count}`);
});

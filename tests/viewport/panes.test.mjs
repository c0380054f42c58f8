import assert from "node:assert/strict";
import { test } from "node:test";

import { CELL, anyOf, hideOthers, rowsShown, stateOf } from "../../assets/viewport/draw/cell_flags.mjs";
import { MARK, cellTexels } from "../../assets/viewport/draw/cell_colors.mjs";
import { categoryColor, parseColor } from "../../assets/viewport/draw/palette.mjs";
import { LAYOUTS, paneBoxes } from "../../assets/viewport/draw/panes.mjs";

const LOOK = { unassigned: [125, 135, 147], planeColor: [76, 141, 214] };
const SCENE = { numCells: 3, cellIsPlane: Uint8Array.of(1, 0, 0) };
const FRAME = {
  instance: Int16Array.of(-1, 1, 0),
  segment: Uint8Array.of(255, 4, 2),
  pca: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9),
  numInstances: 2,
};
const SLOTS = Int32Array.of(7, 3);

function colorsOf(colouring, flags = null) {
  const slots = SLOTS;
  const texels = cellTexels({ colouring, scene: SCENE, frame: FRAME, slots, flags, look: LOOK });
  const cells = [0, 1, 2].map((cell) => [...texels.subarray(4 * cell, 4 * cell + 4)]);
  return { colors: cells.map((cell) => cell.slice(0, 3)), marks: cells.map((cell) => cell[3]) };
}

test("panes fill the canvas without overlap, with a gap between them", () => {
  for (const count of LAYOUTS) {
    for (const [width, height] of [
      [1280, 800],
      [1279, 333],
      [701, 1500],
    ]) {
      const boxes = paneBoxes(count, width, height, 1.5);
      assert.equal(boxes.length, count);
      const painted = new Uint8Array(width * height);
      for (const { x, y, width: wide, height: high } of boxes) {
        for (let row = y; row < y + high; row++) {
          for (let column = x; column < x + wide; column++) painted[row * width + column] += 1;
        }
      }
      assert.ok(Math.max(...new Set(painted)) === 1);
      const share = painted.reduce((sum, one) => sum + one, 0) / painted.length;
      assert.ok(count === 1 ? share === 1 : share > 0.98 && share < 1);
      const corners = [boxes[0], boxes.at(-1)];
      assert.deepEqual([corners[0].x, corners[0].y], [0, 0]);
      assert.deepEqual(
        [corners[1].x + corners[1].width, corners[1].y + corners[1].height],
        [width, height],
      );
    }
  }
});

test("two panes lie side by side, and in a tall canvas on top of each other", () => {
  assert.equal(paneBoxes(2, 1200, 600)[1].y, 0);
  assert.equal(paneBoxes(2, 600, 1200)[1].x, 0);
});

test("cells have the colour of their object's slot, and those without one the neutral grey", () => {
  const category = (slot) => parseColor(categoryColor(slot));
  assert.deepEqual(colorsOf("instance").colors, [LOOK.unassigned, category(3), category(7)]);
  assert.deepEqual(colorsOf("segment").colors, [LOOK.unassigned, category(4), category(2)]);
  assert.deepEqual(colorsOf("features").colors, [
    [1, 2, 3],
    [4, 5, 6],
    [7, 8, 9],
  ]);
  assert.deepEqual(colorsOf("plane").colors, [LOOK.planeColor, LOOK.unassigned, LOOK.unassigned]);
});

test("where anything is selected the rest is faint, but not what is hovered", () => {
  assert.deepEqual(colorsOf("input").marks, [MARK.unassigned, 0, 0]);
  assert.deepEqual(colorsOf("input", Uint8Array.of(CELL.hovered, CELL.selected, 0)).marks, [
    MARK.unassigned | MARK.hovered,
    0,
    MARK.faint,
  ]);
  const bothFlags = CELL.selected | CELL.hovered;
  assert.equal(colorsOf("input", Uint8Array.of(0, bothFlags, 0)).marks[1], MARK.hovered);
});

test("walls and flags share a byte, and neither changes the other", () => {
  const walls = Uint8Array.of(0, 1, 2, 2);
  assert.equal(stateOf(walls), walls);
  const state = stateOf(walls, Uint8Array.of(4, 3, 0, 7));
  assert.deepEqual([...state].map((value) => value & 3), [...walls]);
  assert.deepEqual([...state].map((value) => value >> 2), [4, 3, 0, 7]);
});

test("only other hidden cells ask for other points to be drawn", () => {
  const flags = (...values) => Uint8Array.from(values);
  assert.equal(hideOthers(null, null), false);
  assert.equal(hideOthers(null, flags(1, 4, 0)), false);
  assert.equal(hideOthers(flags(1, 2), flags(6, 0)), true);
  assert.equal(hideOthers(flags(1, 2), flags(4, 3)), false);
  assert.equal(hideOthers(flags(0, 2), null), true);
  assert.deepEqual(anyOf(flags(1, 4, 0)), { selected: true, hidden: false, hovered: true });
});

test("a pseudo-instance all of whose cells are hidden has no ring", () => {
  const instance = Int16Array.of(0, 0, 1, -1);
  assert.deepEqual([...rowsShown(instance, 2, null)], [1, 1]);
  const { hidden } = CELL;
  assert.deepEqual([...rowsShown(instance, 2, Uint8Array.of(hidden, 0, hidden, 0))], [1, 0]);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import * as cameras from "../../assets/viewport/draw/camera.mjs";
import { cellsInside, insideOf, nearestPoint, projected } from "../../assets/viewport/draw/picking.mjs";

const BOX = { left: 100, top: 40, width: 320, height: 200 };
const CAMERA = cameras.makeCamera({ target: [1, 1, 0.5], distance: 6 });
const MATRIX = cameras.multiply(
  cameras.projectionMatrix(CAMERA, BOX.width / BOX.height, 0.5, 20),
  cameras.viewMatrix(CAMERA),
);
const WHOLE = [
  [100, 40],
  [420, 40],
  [420, 240],
  [100, 240],
];

/** A point a cell, each in the middle of its cell. */
function sceneOf(places) {
  const coord = Uint16Array.from(places.flat(), (value) => Math.round(value / 0.001));
  return {
    scale: 0.001,
    numPoints: places.length,
    numCells: places.length,
    coord,
    cellCoord: coord,
    cellIndex: Uint32Array.from(places.keys()),
  };
}

const PLACES = Array.from({ length: 200 }, (_, k) =>
  [7919, 104729, 1299709].map((prime) => 0.3 + ((k * prime) % 1000) * 0.0015),
);
const ROOM = sceneOf(PLACES);
const asked = (values) => ({
  scene: ROOM,
  matrix: MATRIX,
  box: BOX,
  polygon: WHOLE,
  isLeftOut: () => false,
  moved: null,
  ...values,
});

test("the point nearest to the middle is picked, and none where there is nothing", () => {
  const square = new Uint32Array(81);
  assert.equal(nearestPoint(square), -1);
  square[0] = 6; // a corner
  assert.equal(nearestPoint(square), 5);
  square[4 * 9 + 6] = 18; // two to the right of the middle
  assert.equal(nearestPoint(square), 17);
  square[4 * 9 + 4] = 1; // point 0, the middle
  assert.equal(nearestPoint(square), 0);
});

test("the camera's target is in the middle of its pane, what is behind the eye nowhere", () => {
  const [x, y] = projected(MATRIX, BOX, ...CAMERA.target);
  assert.ok(Math.hypot(x - 260, y - 140) < 1e-9);
  const eye = cameras.eyeOf(CAMERA);
  const behind = eye.map((at, axis) => at + (at - CAMERA.target[axis]));
  assert.equal(projected(MATRIX, BOX, ...behind), null);
});

test("an outline holds what every crossing of its edges says it holds", () => {
  const star = Array.from({ length: 5 }, (_, k) => {
    const angle = (4 * Math.PI * k) / 5;
    return [50 + 40 * Math.sin(angle), 50 - 40 * Math.cos(angle)];
  });
  const isInside = insideOf(star);
  assert.equal(isInside(50, 50), false, "even-odd: the middle of a star is outside");
  assert.equal(isInside(50, 20), true);
  assert.equal(isInside(5, 5), false);
  assert.equal(isInside(50, 500), false);
});

test("cells inside an outline are those whose points are drawn there", () => {
  const outline = [
    [200, 90],
    [330, 100],
    [300, 190],
  ];
  const isInside = insideOf(outline);
  const expected = PLACES.flatMap((place, cell) => {
    const { x, y } = cameras.project(MATRIX, place);
    const [right, down] = [100 + (x + 1) * 160, 40 + (1 - y) * 100];
    return isInside(right, down) ? [cell] : [];
  });
  assert.ok(expected.length > 20 && expected.length < 180);
  assert.deepEqual([...cellsInside(asked({ polygon: outline }))], expected);
});

test("a cell that is left out is never inside, however many points it has", () => {
  const found = cellsInside(asked({ isLeftOut: (cell) => cell % 2 === 0 }));
  assert.deepEqual([...found], [...ROOM.cellIndex].filter((cell) => cell % 2 === 1));
});

test("points on their way are found where they are drawn", () => {
  const goal = [1, 1, 0.5];
  const way = Float32Array.from(PLACES.flat(), (value, k) => goal[k % 3] - value);
  const middle = [
    [255, 135],
    [265, 135],
    [265, 145],
    [255, 145],
  ];
  const at = (t, stays = () => false) =>
    cellsInside(asked({ polygon: middle, moved: { t, way, stays } })).length;
  assert.equal(at(1), 200, "all have come to the target");
  assert.ok(at(0) < 20);
  assert.equal(at(1, () => true), at(0), "cells that stay are where they were");
});

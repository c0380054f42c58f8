import assert from "node:assert/strict";
import { test } from "node:test";

import * as palette from "../../assets/viewport/draw/palette.mjs";
import { contrast, distance, lab } from "./colour_science.mjs";

const CATEGORIES = palette.CATEGORIES.map(palette.parseColor);
const DEUTERANOPE = { deuteranope: true };

test("the measure itself: white is L 100, red and green merge for a deuteranope", () => {
  assert.ok(Math.abs(lab([255, 255, 255])[0] - 100) < 0.01);
  assert.ok(Math.abs(lab([255, 255, 255], DEUTERANOPE)[0] - 100) < 0.5);
  const [red, green] = [
    [200, 90, 60],
    [120, 130, 50],
  ];
  assert.ok(distance(red, green, DEUTERANOPE) < distance(red, green) / 3);
});

test("neighbours in the list stand far apart, in ordinary sight and under deuteranopia", () => {
  CATEGORIES.forEach((color, k) => {
    const next = CATEGORIES[(k + 1) % CATEGORIES.length];
    assert.ok(distance(color, next) > 30, `${k}: ${distance(color, next)}`);
    assert.ok(
      distance(color, next, DEUTERANOPE) > 30,
      `${k}: ${distance(color, next, DEUTERANOPE)}`,
    );
  });
});

test("any two categories differ clearly, also under deuteranopia", () => {
  CATEGORIES.forEach((color, k) => {
    for (const other of CATEGORIES.slice(0, k)) {
      assert.ok(distance(color, other) > 20);
      assert.ok(distance(color, other, DEUTERANOPE) > 16);
    }
  });
});

test("the first eight are told apart by a deuteranope at least as well as Okabe and Ito's", () => {
  const leastOf = (colors) =>
    Math.min(
      ...colors.flatMap((color, k) =>
        colors.slice(0, k).map((other) => distance(color, other, DEUTERANOPE)),
      ),
    );
  const okabeIto = [...Object.values(palette.QUANTITIES), "#000000", "#0072B2"];
  assert.ok(leastOf(CATEGORIES.slice(0, 8)) >= leastOf(okabeIto.map(palette.parseColor)));
});

test("no category can be taken for a quantity", () => {
  for (const quantity of Object.values(palette.QUANTITIES).map(palette.parseColor)) {
    for (const color of CATEGORIES) assert.ok(distance(color, quantity) > 16);
  }
});

test("categories are visible on the dark and on the light canvas", () => {
  for (const color of CATEGORIES) {
    assert.ok(contrast(color, [0x0b, 0x0e, 0x12]) > 2.4, `${color} on dark`);
    assert.ok(contrast(color, [0xf6, 0xf7, 0xf9]) > 1.35, `${color} on light`);
  }
});

test("the height scale rises in lightness all the way, also under deuteranopia", () => {
  for (const sight of [{}, DEUTERANOPE]) {
    const light = Array.from({ length: 65 }, (_, k) => lab(palette.heightColor(k / 64), sight)[0]);
    light.slice(1).forEach((value, k) => assert.ok(value > light[k], `at ${k}`));
    assert.ok(light.at(-1) - light[0] > 60);
  }
});

test("texels deal colours out by slot, and rows without a slot list in order", () => {
  const texels = palette.categoryTexels(3, Int32Array.from([2, 0, 21]));
  const expected = [2, 0, 1].flatMap((k) => [...CATEGORIES[k], 255]);
  assert.deepEqual([...texels], expected);
  assert.deepEqual(
    [...palette.categoryTexels(2)],
    [0, 1].flatMap((k) => [...CATEGORIES[k], 255]),
  );
  assert.equal(palette.categoryColor(-1), palette.CATEGORIES.at(-1));
});

test("computed and written colours are both understood", () => {
  assert.deepEqual(palette.parseColor("#e69F00"), [230, 159, 0]);
  assert.deepEqual(palette.parseColor("rgb(230, 159, 0)"), [230, 159, 0]);
  assert.deepEqual(palette.parseColor("rgba(230, 159, 0, 0.5)"), [230, 159, 0]);
});

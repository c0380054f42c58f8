import assert from "node:assert/strict";
import { test } from "node:test";

import { cellsInPicture, densityOf, ends, stratifiedCells } from "../../assets/viewport/draw/arrows.mjs";
import * as cameras from "../../assets/viewport/draw/camera.mjs";
import { pieces, scaleOf, speedOf } from "../../assets/viewport/draw/trails.mjs";

const close = (a, b) => assert.ok(Math.abs(a - b) < 1e-6, `${a} is not ${b}`);

test("cells come in the order of their first points, planes left out", () => {
  const order = stratifiedCells({
    cellIndex: Uint32Array.of(2, 0, 2, 3, 1, 0),
    cellIsPlane: Uint8Array.of(0, 0, 0, 1),
    numCells: 4,
    numPoints: 6,
  });
  assert.deepEqual([...order], [2, 0, 1]);
});

test("arrows are the first cells that the picture holds, up to the limit", () => {
  const camera = cameras.makeCamera({ target: [5, 5, 0], distance: 8 });
  const matrix = cameras.multiply(
    cameras.projectionMatrix(camera, 1, 0.1, 40),
    cameras.viewMatrix(camera),
  );
  const cellCoord = Uint16Array.from([5, 5, 0, 60, 60, 0, 5, 5, 1, 4, 5, 0, 5, 4, 0]);
  const choose = (limit, isWanted = () => true) =>
    cellsInPicture(Uint32Array.of(0, 1, 2, 3, 4), { cellCoord, scale: 1 }, matrix, limit, isWanted);
  assert.deepEqual(choose(10), [0, 2, 3, 4], "cell 1 is far outside");
  assert.deepEqual(choose(2), [0, 2]);
  assert.deepEqual(choose(2, (cell) => cell > 2), [3, 4]);
});

test("a pane holds arrows by its area, never more than 20,000, and many are fainter", () => {
  const [small, large] = [{ width: 300, height: 200 }, { width: 600, height: 400 }];
  assert.equal(Math.round(densityOf(large, 1, 0).limit / densityOf(small, 1, 0).limit), 4);
  assert.equal(densityOf(large, 2, 0).limit, densityOf(small, 1, 0).limit);
  assert.equal(densityOf({ width: 9000, height: 9000 }, 1, 0).limit, 20_000);
  assert.ok(densityOf(large, 1, 20_000).alpha < densityOf(large, 1, 100).alpha);
});

test("an arrow starts at its cell and ends where the cell votes", () => {
  const scene = { cellCoord: Uint16Array.of(1, 2, 3, 4, 5, 6), scale: 0.5, origin: [10, 0, 0] };
  const frame = {
    offsetTeacher: Uint16Array.of(0, 0, 0, 0x3c00, 0xbc00, 0x3800), // 1, -1, 0.5
    numCells: 2,
    instance: Int16Array.of(-1, 0),
    centroid: Float32Array.of(13, 3, 2),
  };
  assert.deepEqual([...ends(scene, frame, "before", [1])], [2, 2.5, 3, 1, -1, 0.5]);
  assert.deepEqual([...ends(scene, frame, "target", [1])], [2, 2.5, 3, 1, 0.5, -1]);
  assert.deepEqual([...ends(scene, frame, "target", [0])].slice(3), [0, 0, 0], "no centroid");
});

test("drift is metres a hundred steps, and a frame where steps are not known", () => {
  close(speedOf([0, 0, 0, 100], [0.3, 0.4, 0, 150]), 1);
  close(speedOf([0, 0, 0], [0.3, 0.4, 0]), 0.5);
});

test("the scale ends at a round number that most speeds stay below", () => {
  const walk = (metres) => Array.from({ length: 11 }, (_, k) => [k * metres, 0, 0, 10 * k]);
  assert.deepEqual(scaleOf(new Map([[0, walk(0.03)]]), 24), { max: 0.5, unit: "m / 100 steps" });
  assert.deepEqual(scaleOf(new Map([[0, walk(0.05)]]), 24).max, 0.5);
  assert.equal(scaleOf(new Map([[0, [[0, 0, 0, 1]]]]), 24), null, "nothing has drifted yet");
  assert.equal(scaleOf(new Map([[0, walk(0.05)]]), 0), null, "no trails are wanted");
  const jump = [...walk(0.01), [50, 0, 0, 110]];
  const calm = Array.from({ length: 9 }, (_, slot) => [slot + 1, walk(0.01)]);
  close(scaleOf(new Map([[0, jump], ...calm]), 24).max, 0.1);
});

test("a trail ends where its ring is drawn and fades with age", () => {
  const trails = new Map([
    [
      4,
      [
        [0, 0, 0, 0],
        [1, 0, 0, 100],
        [2, 0, 0, 200],
      ],
    ],
  ]);
  const data = [...pieces(trails, [[4, [1.5, 0, 0]], [5, [9, 9, 9]]], 24, 2)];
  assert.equal(data.length, 18, "two pieces; slot 5 has no past");
  assert.deepEqual(data.slice(9, 15), [1, 0, 0, 1.5, 0, 0]);
  assert.deepEqual([data[6], data[15]], [0.5, 0.5], "a metre of two");
  assert.ok(data[7] < data[8] && data[8] <= data[16] && data[16] < data[17]);
  assert.equal(pieces(trails, [[4, [2, 0, 0]]], 1, 2).length, 9, "only the last frame of them");
});

import assert from "node:assert/strict";
import { test } from "node:test";

import * as cameras from "../../assets/viewport/draw/camera.mjs";
import { shellOf } from "../../assets/viewport/draw/cutaway.mjs";
import { categoryColor, parseColor } from "../../assets/viewport/draw/palette.mjs";
import {
  centroidsOf,
  decodeFrame,
  decodeScene,
  displacementOf,
  meanLength,
  tintOf,
} from "../../assets/viewport/draw/records.mjs";
import { framedPoints } from "../../assets/viewport/draw/vantage.mjs";

function makeFile(rows, metadata = {}) {
  const header = { __metadata__: metadata };
  let end = 0;
  for (const [name, dtype, shape, bytes] of rows) {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes.byteLength] };
    end += bytes.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const parts = [new BigUint64Array([BigInt(text.length)]), text, ...rows.map((row) => row[3])];
  return new Blob(parts).arrayBuffer();
}

const METADATA = {
  id: "room",
  origin: "[10.0, 20.0, -1.0]",
  scale: "0.001",
  cell_size: "0.1",
  class_names: "[]",
};

/** Two cells, three points: the first cell holds two points, the second lies on a plane. */
async function makeScene(extra = []) {
  const file = await makeFile(
    [
      ["coord_u16", "U16", [3, 3], Uint16Array.from([0, 0, 0, 100, 0, 0, 1000, 2000, 3000])],
      ["cell_index", "U32", [3], Uint32Array.from([0, 0, 1])],
      ["cell_coord_u16", "U16", [2, 3], Uint16Array.from([50, 0, 0, 1000, 2000, 3000])],
      ["cell_is_plane", "U8", [2], Uint8Array.from([0, 1])],
      ...extra,
    ],
    METADATA,
  );
  return decodeScene(file);
}

async function makeFrame() {
  const file = await makeFile([
    // (3, 4, 0) and (1, 0, 0)
    ["offset_teacher", "F16", [2, 3], Uint16Array.from([0x4200, 0x4400, 0, 0x3c00, 0, 0])],
    ["offset_regularized", "F16", [2, 3], new Uint16Array(6)],
    ["segment", "U8", [2], Uint8Array.from([4, 0])],
    ["pseudo_instance", "I16", [2], Int16Array.from([0, -1])],
    ["centroid", "F32", [1, 3], Float32Array.from([11, 22, 2])],
    ["pca_color", "U8", [2, 3], new Uint8Array(6)],
  ]);
  return decodeFrame(file, 40);
}

test("a scene is in metres from its origin", async () => {
  const scene = await makeScene();
  assert.equal(scene.numPoints, 3);
  assert.equal(scene.numCells, 2);
  assert.deepEqual(scene.bounds, { low: [0, 0, 0], high: [1, 2, 3] });
  assert.deepEqual(scene.origin, [10, 20, -1]);
  assert.ok(Math.abs(scene.spacing - 0.1 / Math.sqrt(1.5)) < 1e-12);
});

test("far returns do not shrink what is framed, and a room is framed whole", async () => {
  const rng = (k) => ((k * 7919) % 997) / 997;
  const coord = new Uint16Array(3 * 1000).map((_, k) => (k < 15 ? 60_000 : 900 * rng(k)));
  const rows = [
    ["coord_u16", "U16", [1000, 3], coord],
    ["cell_index", "U32", [1000], new Uint32Array(1000)],
    ["cell_coord_u16", "U16", [1, 3], new Uint16Array(3)],
    ["cell_is_plane", "U8", [1], new Uint8Array(1)],
  ];
  const street = decodeScene(await makeFile(rows, METADATA));
  assert.equal(street.bounds.high[0], 60);
  assert.ok(street.core.high[0] < 1);
  rows[0] = ["coord_u16", "U16", [1000, 3], coord.map((value) => Math.min(value, 900))];
  const room = decodeScene(await makeFile(rows, METADATA));
  assert.deepEqual(room.core, room.bounds);
  const view = cameras.makeCamera();
  const framed = (scene) => framedPoints(scene, shellOf(scene), "all", view);
  assert.ok(framed(street).every((point) => point[0] < 1));
  const camera = cameras.fitted(view, framed(room), 1.5);
  const projection = cameras.projectionMatrix(camera, 1.5, 0.01, 10);
  const matrix = cameras.multiply(projection, cameras.viewMatrix(camera));
  for (let k = 0; k < room.numPoints; k++) {
    const point = [0, 1, 2].map((axis) => room.coord[3 * k + axis] * room.scale);
    const { x, y } = cameras.project(matrix, point);
    assert.ok(Math.max(Math.abs(x), Math.abs(y)) < 1, `point ${k} lies outside the picture`);
  }
});

test("votes are the offsets as stored; targets lead to the centroid, or nowhere", async () => {
  const [scene, frame] = [await makeScene(), await makeFrame()];
  assert.equal(displacementOf(scene, frame, "before"), frame.offsetTeacher);
  assert.equal(displacementOf(scene, frame, "after"), frame.offsetRegularized);
  assert.deepEqual([...centroidsOf(scene, frame)], [1, 2, 3]);
  const way = displacementOf(scene, frame, "target");
  [0.95, 2, 3, 0, 0, 0].forEach((value, k) => assert.ok(Math.abs(way[k] - value) < 1e-6));
});

test("the mean length is that of cells off the planes", async () => {
  const [scene, frame] = [await makeScene(), await makeFrame()];
  assert.equal(meanLength(scene, frame.offsetTeacher), 5);
});

test("input is colour, else intensity, else grey; truth greys what has no instance", async () => {
  const color = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(
    tintOf(await makeScene([["color", "U8", [3, 3], color]]), "input", [0, 0, 0]),
    color,
  );
  const dim = tintOf(
    await makeScene([["intensity", "U8", [3], Uint8Array.from([0, 64, 255])]]),
    "input",
    [0, 0, 0],
  );
  assert.ok(dim[0] < dim[3] && dim[3] < dim[6] && dim[0] > 30);
  assert.equal(new Set(tintOf(await makeScene(), "input", [0, 0, 0])).size, 1);
  const truth = await makeScene([["instance_label", "I32", [3], Int32Array.from([500, -1, 70])]]);
  const expected = [...parseColor(categoryColor(1)), 9, 9, 9, ...parseColor(categoryColor(0))];
  assert.deepEqual([...tintOf(truth, "truth", [9, 9, 9])], expected);
});

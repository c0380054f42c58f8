import assert from "node:assert/strict";
import { test } from "node:test";

import * as cameras from "../../assets/viewport/draw/camera.mjs";
import { FLAG, cutAway, shellOf, wholeFlags } from "../../assets/viewport/draw/cutaway.mjs";
import { medianOf, thinnestAxis } from "../../assets/viewport/page/numbers.mjs";
import { framedPoints, homeView } from "../../assets/viewport/draw/vantage.mjs";

const CELL = 0.1; // metres
const [WIDTH, DEPTH, HEIGHT] = [5, 4, 2.4]; // of the room
const SCALE = 0.001;
const CORNER = 0.5; // metres beside an edge of the room, where patches mix two walls

/** An empty box of plane cells with a crate in the middle; `turn` about the vertical, radians. */
function makeRoom(turn = 0) {
  const cells = [];
  const add = (part, x, y, z) => cells.push({ part, at: [x, y, z] });
  const along = (length) => Array.from({ length: length / CELL }, (_, k) => (k + 0.5) * CELL);
  for (const x of along(WIDTH)) {
    for (const y of along(DEPTH)) {
      add("floor", x, y, 0);
      add("ceiling", x, y, HEIGHT);
    }
    for (const z of along(HEIGHT)) {
      add("front", x, 0, z);
      add("rear", x, DEPTH, z);
    }
  }
  for (const y of along(DEPTH)) {
    for (const z of along(HEIGHT)) {
      add("left", 0, y, z);
      add("right", WIDTH, y, z);
    }
  }
  for (let k = 0; k < 64; k++) {
    const [x, y, z] = [k % 4, Math.floor(k / 4) % 4, Math.floor(k / 16)];
    add("crate", 2.4 + CELL * x, 1.8 + CELL * y, CELL * z);
  }
  const shift = 5; // metres; keeps a turned room in the positive
  const turned = ([x, y, z]) => [
    Math.cos(turn) * x - Math.sin(turn) * y + shift,
    Math.sin(turn) * x + Math.cos(turn) * y + shift,
    z,
  ];
  const coord = Uint16Array.from(cells.flatMap(({ at }) => turned(at).map((v) => v / SCALE)));
  const bounds = { low: [0, 0, 0], high: [12, 12, HEIGHT] };
  const scene = {
    numCells: cells.length,
    numPoints: cells.length,
    cellIndex: Uint32Array.from(cells.keys()),
    cellCoord: coord,
    coord,
    cellIsPlane: Uint8Array.from(cells, ({ part }) => (part === "crate" ? 0 : 1)),
    cellSize: CELL,
    scale: SCALE,
    bounds,
    core: bounds,
  };
  return { scene, cells, turned };
}

/** Share of a part's cells that are cut, between two heights and off the room's corners. */
function cutShare(flags, cells, part, low = 0.4, high = Infinity) {
  const isOff = (at, length) => Math.min(at, length - at) >= CORNER;
  const own = [...cells.keys()].filter((k) => {
    const [x, y, z] = cells[k].at;
    const edges = [isOff(x, WIDTH), isOff(y, DEPTH)].filter((off) => !off).length;
    const isCorner = edges > (["floor", "ceiling", "crate"].includes(part) ? 0 : 1);
    return cells[k].part === part && !isCorner && z >= low && z <= high;
  });
  return own.filter((k) => flags[k] === FLAG.cut).length / own.length;
}

test("walls with their back to the eye and the ceiling under it go, the others stay", () => {
  for (const turn of [0, 0.5]) {
    const { scene, cells, turned } = makeRoom(turn);
    const flags = wholeFlags(scene);
    cutAway(shellOf(scene), turned([2.5, -6, 5]), flags);
    assert.equal(cutShare(flags, cells, "front"), 1);
    assert.equal(cutShare(flags, cells, "ceiling"), 1);
    for (const part of ["rear", "left", "right", "floor", "crate"]) {
      assert.ok(cutShare(flags, cells, part, 0) < 0.01, `${part} is cut`); // a cell at the ceiling
    }
    assert.equal(cutShare(flags, cells, "front", 0, 0.25), 0, "the kerb is cut");
  }
});

test("going round the room, the walls come back and others go; a still eye changes nothing", () => {
  const { scene, cells } = makeRoom();
  const [shell, flags] = [shellOf(scene), wholeFlags(scene)];
  const eyes = { front: [7.5, 0, 4], right: [16, 7, 4], rear: [7.5, 16, 4], left: [-1, 7, 4] };
  for (const [part, eye] of Object.entries(eyes)) {
    assert.ok(cutAway(shell, eye, flags));
    assert.ok(!cutAway(shell, eye, flags));
    for (const wall of Object.keys(eyes)) {
      const share = cutShare(flags, cells, wall);
      assert.equal(share, wall === part ? 1 : 0, `${wall} from the ${part}`);
    }
  }
});

test("from inside the room nothing is cut", () => {
  const { scene } = makeRoom(0.3);
  const flags = wholeFlags(scene);
  const inside = [0, 1, 2].map((axis) => {
    const along = scene.cellCoord.filter((_, k) => k % 3 === axis);
    return medianOf(along) * SCALE;
  });
  assert.ok(!cutAway(shellOf(scene), inside, flags));
});

test("a scene without planes has no shell", () => {
  const { scene } = makeRoom();
  scene.cellIsPlane.fill(0);
  assert.equal(shellOf(scene).cells.length, 0);
});

test("the first view looks between the walls and frames what is left of the room", () => {
  const turn = 0.4;
  const { scene } = makeRoom(turn);
  const shell = shellOf(scene);
  assert.ok(Math.abs(shell.wallAngle - turn) < 0.02);
  const view = cameras.makeCamera(homeView(scene, shell, "cut"));
  const quarter = Math.PI / 2;
  const offWall = (((view.yaw - turn) % quarter) + quarter) % quarter;
  assert.ok(offWall > 0.5 && offWall < 1.1, `${offWall} off the walls`);
  const framed = framedPoints(scene, shell, "cut", view);
  assert.ok(framed.length < framedPoints(scene, shell, "all", view).length);
  assert.ok(framed.every(([, , z]) => z < HEIGHT), "the ceiling is framed");
});

test("a depth picture is looked at from its dense side", () => {
  const rng = (k) => ((k * 7919) % 9973) / 9973;
  const numPoints = 4000;
  const coord = new Uint16Array(3 * numPoints); // a sloping sheet, dense where x is small
  for (let k = 0; k < numPoints; k++) {
    const x = 4000 * rng(k) ** 3;
    coord.set([x, 3000 * rng(k * 13 + 5), x / 4], 3 * k);
  }
  const cellCoord = new Uint16Array(3 * 1200);
  for (let k = 0; k < 1200; k++) {
    cellCoord.set([100 * (k % 40), 100 * (k / 40), 25 * (k % 40)], 3 * k);
  }
  const bounds = { low: [0, 0, 0], high: [4, 3, 1] };
  const scene = {
    numCells: 1200,
    numPoints,
    cellIndex: new Uint32Array(numPoints),
    cellCoord,
    coord,
    cellIsPlane: new Uint8Array(1200),
    cellSize: CELL,
    scale: SCALE,
    bounds,
    core: bounds,
  };
  const { yaw } = homeView(scene, shellOf(scene), "all");
  assert.ok(Math.cos(yaw) < 0, "the eye is on the side of small x");
});

test("the thinnest axis of a spread is the one it has least along", () => {
  const axes = [
    [2, 0, 0, 3, 0, 0.1],
    [2.5, 0.5, 0, 2.5, 0, 9], // least along (1, -1, 0)
  ];
  const expected = [
    [0, 0, 1],
    [Math.SQRT1_2, -Math.SQRT1_2, 0],
  ];
  axes.forEach((matrix, k) => {
    const found = thinnestAxis(matrix);
    const along = found.reduce((sum, value, axis) => sum + value * expected[k][axis], 0);
    assert.ok(Math.abs(Math.abs(along) - 1) < 1e-9);
  });
  assert.equal(thinnestAxis([1, 0, 0, 1, 0, 1]), null); // a ball has none
  assert.equal(thinnestAxis([5, 0, 0, 0, 0, 0]), null); // nor has a line
});

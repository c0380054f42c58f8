import assert from "node:assert/strict";
import { test } from "node:test";

import * as cameras from "../../assets/viewport/draw/camera.mjs";

const ASPECTS = [0.5, 1, 16 / 9, 2.4];
const VIEWS = [
  ...Object.values(cameras.PRESETS),
  { yaw: 2.1, pitch: -0.4 },
  { yaw: 0.3, pitch: 1.2 },
];
const BOUNDS = { low: [-3, 2, 0], high: [5, 4, 2.5] };

function matrixOf(camera, aspect, { near, far } = { near: 0.1, far: 100 }) {
  return cameras.multiply(
    cameras.projectionMatrix(camera, aspect, near, far),
    cameras.viewMatrix(camera),
  );
}

function close(actual, expected, tolerance = 1e-9) {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
}

test("the basis is orthonormal and right-handed from every side, also from above", () => {
  for (const view of VIEWS) {
    const { right: r, up: u, back: b } = cameras.basis(view);
    const dot = (p, q) => p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
    for (const axis of [r, u, b]) close(Math.hypot(...axis), 1);
    for (const [p, q] of [
      [r, u],
      [u, b],
      [b, r],
    ])
      close(dot(p, q), 0);
    const cross = [r[1] * u[2] - r[2] * u[1], r[2] * u[0] - r[0] * u[2], r[0] * u[1] - r[1] * u[0]];
    cross.forEach((value, axis) => close(value, b[axis]));
    assert.ok(u[2] >= -1e-12, "up is not down");
  }
});

test("the target is in the middle of the picture, at the camera's distance", () => {
  for (const view of VIEWS) {
    const camera = cameras.makeCamera({ ...view, target: [1, -2, 0.5], distance: 7 });
    const seen = cameras.project(matrixOf(camera, 1.5), camera.target);
    close(seen.x, 0);
    close(seen.y, 0);
    close(seen.w, 7);
  }
});

test("a ray through a projected point passes that point", () => {
  const point = [0.7, -0.4, 1.3];
  for (const view of VIEWS) {
    for (const aspect of ASPECTS) {
      const camera = cameras.makeCamera({ ...view, distance: 6 });
      const { x, y } = cameras.project(matrixOf(camera, aspect), point);
      const way = cameras.rayThrough(camera, x, y, aspect);
      const eye = cameras.eyeOf(camera);
      const arm = point.map((value, axis) => value - eye[axis]);
      const length = Math.hypot(...arm);
      arm.forEach((value, axis) => close(value / length, way[axis]));
    }
  }
});

test("a fitted camera holds every corner, and one of them is near the edge", () => {
  for (const view of VIEWS) {
    for (const aspect of ASPECTS) {
      const corners = cameras.corners(BOUNDS);
      const camera = cameras.fitted(cameras.makeCamera(view), corners, aspect);
      const matrix = matrixOf(camera, aspect, cameras.clipRange(camera, BOUNDS));
      const seen = corners.map((corner) => cameras.project(matrix, corner));
      const widest = Math.max(...seen.flatMap(({ x, y }) => [Math.abs(x), Math.abs(y)]));
      assert.ok(widest <= 1, `a corner lies at ${widest}`);
      assert.ok(widest > 0.85, `the picture is only filled to ${widest}`);
      for (const { z } of seen) assert.ok(z >= -1 && z <= 1, `a corner is clipped at depth ${z}`);
      assert.equal(camera.yaw, cameras.makeCamera(view).yaw);
    }
  }
});

test("one lone point can be fitted", () => {
  const camera = cameras.fitted(cameras.makeCamera(), [[1, 2, 3]], 1.5);
  camera.target.forEach((value, axis) => close(value, [1, 2, 3][axis]));
  assert.ok(camera.distance > 0);
});

test("zooming keeps what lies under the pointer, on the target's plane, under it", () => {
  const aspect = 1.6;
  const camera = cameras.makeCamera({ target: [1, 2, 0], distance: 8 });
  const [x, y] = [0.6, -0.3];
  const { back } = cameras.basis(camera);
  const way = cameras.rayThrough(camera, x, y, aspect);
  const eye = cameras.eyeOf(camera);
  const dot = (p, q) => p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
  const reach = -camera.distance / dot(way, back);
  const point = eye.map((value, axis) => value + way[axis] * reach);
  for (const factor of [0.4, 0.9, 1.7]) {
    const seen = cameras.project(
      matrixOf(cameras.zoomed(camera, factor, x, y, aspect), aspect),
      point,
    );
    close(seen.x, x);
    close(seen.y, y);
  }
});

test("dragging to move takes the scene along with the pointer", () => {
  const aspect = 1.5;
  const camera = cameras.makeCamera({ target: [0, 0, 1], distance: 5 });
  const moved = cameras.panned(camera, 0.25, -0.1); // shares of the picture's height
  const seen = cameras.project(matrixOf(moved, aspect), camera.target);
  close(seen.x * aspect, 0.5); // two device units are one height
  close(seen.y, 0.2);
});

test("pitch stops at the poles and flying keeps the height", () => {
  const camera = cameras.makeCamera();
  assert.equal(cameras.orbited(camera, 0, 9).pitch, Math.PI / 2);
  assert.equal(cameras.orbited(camera, 0, -9).pitch, -Math.PI / 2);
  const flown = cameras.flown(camera, { forward: 2, right: 1 });
  close(flown.target[2], camera.target[2]);
  close(Math.hypot(flown.target[0], flown.target[1]), Math.sqrt(5));
});

test("between two cameras the way is the short one and the ends are exact", () => {
  const a = cameras.makeCamera({ yaw: 3, distance: 2 });
  const b = cameras.makeCamera({ yaw: -3, distance: 8 });
  close(cameras.mixed(a, b, 0).yaw, 3);
  close(cameras.mixed(a, b, 0.5).yaw, Math.PI);
  close(cameras.mixed(a, b, 0.5).distance, 4); // even in ratio
  close(Math.cos(cameras.mixed(a, b, 1).yaw), Math.cos(-3));
});

test("near and far planes hold the bounds and keep a usable ratio", () => {
  for (const distance of [0.2, 3, 50]) {
    const camera = cameras.makeCamera({ target: [1, 3, 1], distance });
    const { near, far } = cameras.clipRange(camera, BOUNDS);
    assert.ok(near > 0 && far > near && far / near <= 4000 + 1e-6);
  }
});

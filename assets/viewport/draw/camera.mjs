/**
 * An orbit camera with z up, as plain values: {target, distance, yaw, pitch, fov}.
 *
 * Lengths are metres in the scene frame, angles radians. Yaw 0 looks from +x, pitch 90 degrees
 * looks straight down. The basis comes from the two angles, not from an "up" vector, so the view
 * from above is not a special case. Matrices are column-major, as WebGL reads them.
 */

const PITCH_LIMIT = Math.PI / 2;
const FIELD_OF_VIEW = 0.65; // vertical; narrow, so that parallel walls stay nearly parallel
const MIN_DISTANCE = 0.05;
const MAX_DISTANCE = 2000;
const NEAREST_RATIO = 1 / 4000; // near over far; keeps 24 depth bits useful

export const PRESETS = {
  iso: { yaw: -1.05, pitch: 0.63 },
  top: { yaw: -Math.PI / 2, pitch: PITCH_LIMIT },
  front: { yaw: -Math.PI / 2, pitch: 0 },
  side: { yaw: 0, pitch: 0 },
};

export function makeCamera(values = {}) {
  return { target: [0, 0, 0], distance: 5, fov: FIELD_OF_VIEW, ...PRESETS.iso, ...values };
}

/** Unit vectors of the view: to the right, up, and from the target back to the eye. */
export function basis({ yaw, pitch }) {
  const [sy, cy, sp, cp] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)];
  return { right: [-sy, cy, 0], up: [-sp * cy, -sp * sy, cp], back: [cp * cy, cp * sy, sp] };
}

export function eyeOf(camera) {
  return addScaled(camera.target, basis(camera).back, camera.distance);
}

export function viewMatrix(camera) {
  const { right, up, back } = basis(camera);
  const eye = eyeOf(camera);
  const [x, y, z] = [right, up, back].map((axis) => -dot(axis, eye));
  // prettier-ignore
  return [right[0], up[0], back[0], 0, right[1], up[1], back[1], 0,
          right[2], up[2], back[2], 0, x, y, z, 1];
}

export function projectionMatrix({ fov }, aspect, near, far) {
  const f = 1 / Math.tan(fov / 2);
  const depth = 1 / (near - far);
  // prettier-ignore
  return [f / aspect, 0, 0, 0, 0, f, 0, 0, 0, 0, (near + far) * depth, -1,
          0, 0, 2 * near * far * depth, 0];
}

export function multiply(a, b) {
  const product = new Array(16).fill(0);
  for (let column = 0; column < 4; column++) {
    for (let row = 0; row < 4; row++) {
      for (let k = 0; k < 4; k++) product[column * 4 + row] += a[k * 4 + row] * b[column * 4 + k];
    }
  }
  return product;
}

/** Normalised device coordinates (-1..1) of a point, and its distance in front of the eye. */
export function project(matrix, [x, y, z]) {
  const row = (k) => matrix[k] * x + matrix[4 + k] * y + matrix[8 + k] * z + matrix[12 + k];
  const w = row(3);
  return { x: row(0) / w, y: row(1) / w, z: row(2) / w, w };
}

/** Unit direction from the eye through a place of the picture, in device coordinates. */
export function rayThrough(camera, ndcX, ndcY, aspect) {
  const { right, up, back } = basis(camera);
  const half = Math.tan(camera.fov / 2);
  const direction = addScaled(
    addScaled(scaled(back, -1), right, ndcX * half * aspect),
    up,
    ndcY * half,
  );
  return scaled(direction, 1 / Math.hypot(...direction));
}

/**
 * The camera moved, not turned, so that all `points` lie inside the picture and fill it. The target
 * is where the middle of the picture falls, at the depth of the points' own middle.
 */
export function fitted(camera, points, aspect, margin = 1.05) {
  const { right, up, back } = basis(camera);
  const tanY = Math.tan(camera.fov / 2) / margin;
  const tanX = tanY * aspect;
  const along = (axis) => points.map((point) => dot(point, axis));
  const [x, y, z] = [along(right), along(up), along(back)];
  const middle = (values) => (Math.min(...values) + Math.max(...values)) / 2;
  const depth = middle(z);
  let [centerX, centerY, distance] = [middle(x), middle(y), MIN_DISTANCE];
  for (let pass = 0; pass < 6; pass++) {
    distance = MIN_DISTANCE;
    for (let k = 0; k < points.length; k++) {
      const reach = Math.max(Math.abs(x[k] - centerX) / tanX, Math.abs(y[k] - centerY) / tanY);
      distance = Math.max(distance, z[k] - depth + reach);
    }
    if (pass === 5) break; // the last distance belongs to the last centre
    const seen = (values, center) =>
      middle(
        values.map((value, k) => (value - center) / Math.max(distance - (z[k] - depth), 1e-3)),
      );
    centerX += seen(x, centerX) * distance;
    centerY += seen(y, centerY) * distance;
  }
  const across = addScaled(scaled(right, centerX), up, centerY);
  return { ...camera, target: addScaled(across, back, depth), distance };
}

/** Near and far planes that hold `bounds` seen from the camera. */
export function clipRange(camera, bounds) {
  const { back } = basis(camera);
  const eye = eyeOf(camera);
  const depths = corners(bounds).map((corner) => dot(addScaled(eye, corner, -1), back));
  const far = Math.max(...depths, camera.distance, MIN_DISTANCE) * 1.05;
  const near = Math.max(Math.min(...depths) * 0.95, far * NEAREST_RATIO);
  return { near, far };
}

/**
 * All that drawing needs of a camera, for a picture of `width` x `height` pixels.
 * @returns {{matrix: number[], clip: {near: number, far: number}, focal: number, eye: number[],
 *   rise: number[], distance: number}} focal in pixels; rise: metres up for a metre ahead, in the
 *   middle of the picture and what its top has more
 */
export function eyeFor(camera, bounds, { width, height }) {
  const clip = clipRange(camera, bounds);
  const half = Math.tan(camera.fov / 2);
  const { back, up } = basis(camera);
  const projection = projectionMatrix(camera, width / height, clip.near, clip.far);
  return {
    matrix: multiply(projection, viewMatrix(camera)),
    clip,
    focal: height / (2 * half),
    eye: eyeOf(camera),
    rise: [-back[2], half * up[2]],
    distance: camera.distance,
  };
}

export function orbited(camera, yawBy, pitchBy) {
  const pitch = Math.min(Math.max(camera.pitch + pitchBy, -PITCH_LIMIT), PITCH_LIMIT);
  return { ...camera, yaw: camera.yaw + yawBy, pitch };
}

/** Moves the target with the pointer; `dx`, `dy` are shares of the picture's height. */
export function panned(camera, dx, dy) {
  const { right, up } = basis(camera);
  const metres = 2 * camera.distance * Math.tan(camera.fov / 2);
  return {
    ...camera,
    target: addScaled(addScaled(camera.target, right, -dx * metres), up, dy * metres),
  };
}

/** Moves eye and target together; forward stays level so that flying keeps its height. */
export function flown(camera, { forward = 0, right = 0, up = 0 }) {
  const ahead = [-Math.cos(camera.yaw), -Math.sin(camera.yaw), 0];
  const moved = addScaled(addScaled(camera.target, ahead, forward), basis(camera).right, right);
  return { ...camera, target: addScaled(moved, [0, 0, 1], up) };
}

/** Zooms by `factor` (below 1 = closer) and keeps what lies under the pointer under it. */
export function zoomed(camera, factor, ndcX = 0, ndcY = 0, aspect = 1) {
  const distance = Math.min(Math.max(camera.distance * factor, MIN_DISTANCE), MAX_DISTANCE);
  const half = Math.tan(camera.fov / 2);
  const { right, up } = basis(camera);
  const slide = camera.distance - distance; // metres the target plane shrinks by, times half
  const target = addScaled(camera.target, right, ndcX * half * aspect * slide);
  return { ...camera, distance, target: addScaled(target, up, ndcY * half * slide) };
}

/** Between two cameras, the short way round. */
export function mixed(a, b, share) {
  const mix = (x, y) => x + (y - x) * share;
  const turn = Math.atan2(Math.sin(b.yaw - a.yaw), Math.cos(b.yaw - a.yaw));
  return {
    target: a.target.map((value, axis) => mix(value, b.target[axis])),
    distance: Math.exp(mix(Math.log(a.distance), Math.log(b.distance))),
    yaw: a.yaw + turn * share,
    pitch: mix(a.pitch, b.pitch),
    fov: mix(a.fov, b.fov),
  };
}

export function corners({ low, high }) {
  return Array.from({ length: 8 }, (_, k) =>
    low.map((value, axis) => ((k >> axis) & 1 ? high[axis] : value)),
  );
}

function dot(a, b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function scaled(a, by) {
  return a.map((value) => value * by);
}

function addScaled(a, b, by) {
  return a.map((value, axis) => value + b[axis] * by);
}

/** Distances between colours, and what they look like under deuteranopia. For tests. */

const TO_XYZ = [
  [0.4124564, 0.3575761, 0.1804375],
  [0.2126729, 0.7151522, 0.072175],
  [0.0193339, 0.119192, 0.9503041],
];
const WHITE = [0.95047, 1, 1.08883];

// Machado, Oliveira and Fernandes 2009, deuteranopia (severity 1), for linear RGB.
const DEUTERANOPIA = [
  [0.367322, 0.860646, -0.227968],
  [0.280085, 0.672501, 0.047413],
  [-0.01182, 0.04294, 0.968881],
];

function apply(matrix, vector) {
  return matrix.map((row) => row.reduce((sum, value, k) => sum + value * vector[k], 0));
}

function linear(rgb) {
  return rgb.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
}

export function luminance(rgb) {
  return apply(TO_XYZ, linear(rgb))[1];
}

export function contrast(a, b) {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

/** CIE L*a*b* of 0..255 RGB, ordinary or as a deuteranope sees it. */
export function lab(rgb, { deuteranope = false } = {}) {
  let light = linear(rgb);
  if (deuteranope)
    light = apply(DEUTERANOPIA, light).map((value) => Math.min(Math.max(value, 0), 1));
  const [x, y, z] = apply(TO_XYZ, light).map((value, k) => {
    const share = value / WHITE[k];
    return share > (6 / 29) ** 3 ? Math.cbrt(share) : share / (3 * (6 / 29) ** 2) + 4 / 29;
  });
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** CIE 1976 distance; about 2.3 is just noticeable side by side. */
export function distance(a, b, sight = {}) {
  const [p, q] = [lab(a, sight), lab(b, sight)];
  return Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
}

/** Small numerics that browsers do not bring along. */

/** The middle value, the upper one of two; `values` may be any list of numbers. */
export function medianOf(values) {
  return Float64Array.from(values).sort()[Math.floor(values.length / 2)];
}

/**
 * Unit eigenvector of the smallest eigenvalue of a symmetric 3 x 3 matrix, of either sign.
 *
 * Eigenvalues by the trigonometric solution of the cubic (Smith 1961); the vector is normal to two
 * rows of A - lambda I.
 *
 * @param {number[]} matrix xx, xy, xz, yy, yz, zz
 * @returns {?number[]} null where the smallest eigenvalue is not a single one
 */
export function thinnestAxis([xx, xy, xz, yy, yz, zz]) {
  const mean = (xx + yy + zz) / 3;
  const [a, b, c] = [xx - mean, yy - mean, zz - mean];
  const size = Math.sqrt((a * a + b * b + c * c + 2 * (xy * xy + xz * xz + yz * yz)) / 6);
  if (!(size > 0)) return null;
  const det = a * (b * c - yz * yz) - xy * (xy * c - yz * xz) + xz * (xy * yz - b * xz);
  const angle = Math.acos(Math.min(Math.max(det / (2 * size ** 3), -1), 1)) / 3;
  const least = mean + 2 * size * Math.cos(angle + (2 * Math.PI) / 3);
  const rows = [
    [xx - least, xy, xz],
    [xy, yy - least, yz],
    [xz, yz, zz - least],
  ];
  const normals = [cross(rows[0], rows[1]), cross(rows[1], rows[2]), cross(rows[2], rows[0])];
  const lengths = normals.map((normal) => Math.hypot(...normal));
  const longest = Math.max(...lengths);
  if (longest < 1e-6 * size * size) return null; // a line or a ball
  return normals[lengths.indexOf(longest)].map((value) => value / longest);
}

function cross(p, q) {
  return [p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]];
}

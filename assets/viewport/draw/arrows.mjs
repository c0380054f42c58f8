/**
 * Arrows from cells off the planes to where they vote: the teacher's offset before ODR, after it,
 * and the way to the centroid of the pseudo-instance. Thinned to an even density on screen, over
 * the points but fainter where a surface lies in front. M cells; metres from the scene's origin.
 */

import { CELL } from "./cell_flags.mjs";
import { makeProgram } from "./gl.mjs";
import { displacementOf } from "./records.mjs";
import { halfToFloat } from "./safetensors.mjs";

const KINDS = ["target", "after", "before"]; // shorter ones over longer ones

const MOST = 20_000;
const SPACING = 13; // css pixels; an arrow for each square of this edge, over the whole pane
const VERTICES = 9; // two triangles of the shaft, one of the head

const ARROWS_VERTEX = `#version 300 es
layout(location = 0) in vec3 a_from;
layout(location = 1) in vec3 a_way;
uniform mat4 u_matrix;
uniform vec2 u_half;   // half the pane, in pixels
uniform vec2 u_clip;   // near, far in metres
uniform float u_lift;  // metres towards the eye, so that an arrow starts on its surface
uniform float u_pixel; // pixels a css pixel
out float v_depth;
out float v_alpha;
out float v_side;      // pixels from the middle of the shaft
flat out float v_half; // half its width

float depth(float metres) {
  float near = max(metres - u_lift, u_clip.x);
  return u_clip.y * (1.0 - u_clip.x / near) / (u_clip.y - u_clip.x);
}

void main() {
  vec4 from = u_matrix * vec4(a_from, 1.0);
  vec4 to = u_matrix * vec4(a_from + a_way, 1.0);
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  if (from.w < u_clip.x || to.w < u_clip.x) return;
  vec2 start = from.xy / from.w * u_half;
  vec2 path = to.xy / to.w * u_half - start;
  float reach = length(path);
  if (reach < u_pixel) return;
  vec2 ahead = path / reach;
  vec2 beside = vec2(-ahead.y, ahead.x);
  float head = min(7.0 * u_pixel, 0.55 * reach);
  v_half = 0.9 * u_pixel;
  float along = 0.0;
  v_side = 0.0;
  int k = gl_VertexID;
  float side;
  if (k < 6) {
    bool is_far = k == 1 || k == 2 || k == 4;
    bool is_left = k == 0 || k == 1 || k == 3;
    along = is_far ? reach - 0.9 * head : 0.0;
    side = (v_half + 1.5) * (is_left ? 1.0 : -1.0);
    v_side = side;
  } else {
    along = k == 8 ? reach : reach - head;
    side = k == 8 ? 0.0 : 0.42 * head * (k == 6 ? 1.0 : -1.0);
  }
  vec2 place = (start + ahead * along + beside * side) / u_half;
  gl_Position = vec4(place, 0.0, 1.0);
  v_depth = mix(depth(from.w), depth(to.w), along / reach);
  v_alpha = smoothstep(1.5, 5.0, reach / u_pixel);
}
`;

const ARROWS_FRAGMENT = `#version 300 es
precision highp float;
uniform vec3 u_color;
uniform vec3 u_edge;   // a line around the shaft, so that it stands off its own colour
uniform float u_alpha;
uniform highp sampler2D u_depth;
in float v_depth;
in float v_alpha;
in float v_side;
flat in float v_half;
out vec4 color;
void main() {
  bool is_hidden = texelFetch(u_depth, ivec2(gl_FragCoord.xy), 0).x < v_depth;
  float inside = clamp(v_half + 0.5 - abs(v_side), 0.0, 1.0);
  float edge = clamp(v_half + 1.5 - abs(v_side), 0.0, 1.0);
  float alpha = u_alpha * v_alpha * (is_hidden ? 0.3 : 1.0);
  color = vec4(mix(u_edge, u_color, inside), alpha * max(inside, 0.25 * edge));
}
`;

/** Cells off the planes in the order of their first points: any prefix is an even subsample. */
export function stratifiedCells({ cellIndex, cellIsPlane, numCells, numPoints }) {
  const isKnown = Uint8Array.from(cellIsPlane);
  const order = new Uint32Array(numCells);
  let count = 0;
  for (let k = 0; k < numPoints; k++) {
    const cell = cellIndex[k];
    if (isKnown[cell]) continue;
    isKnown[cell] = 1;
    order[count++] = cell;
  }
  return order.slice(0, count);
}

/**
 * The first `limit` cells of an order that lie in the picture.
 * @param {(cell: number) => boolean} isWanted
 */
export function cellsInPicture(order, { cellCoord, scale }, matrix, limit, isWanted) {
  const chosen = [];
  for (const cell of order) {
    if (chosen.length >= limit) break;
    if (!isWanted(cell)) continue;
    const x = cellCoord[3 * cell] * scale;
    const y = cellCoord[3 * cell + 1] * scale;
    const z = cellCoord[3 * cell + 2] * scale;
    const row = (k) => matrix[k] * x + matrix[4 + k] * y + matrix[8 + k] * z + matrix[12 + k];
    const w = row(3);
    if (w > 0 && Math.abs(row(0)) <= w && Math.abs(row(1)) <= w) chosen.push(cell);
  }
  return chosen;
}

/** How many arrows a pane holds, and how strong they are: more of them are fainter. */
export function densityOf({ width, height }, pixelRatio, count) {
  const limit = Math.min(Math.floor((width * height) / (SPACING * pixelRatio) ** 2), MOST);
  return { limit, alpha: 1 - 0.4 * Math.min(count / MOST, 1) };
}

export class ArrowLayer {
  constructor(gl) {
    this.gl = gl;
    this.program = makeProgram(gl, ARROWS_VERTEX, ARROWS_FRAGMENT);
    this.array = gl.createVertexArray();
    this.buffer = gl.createBuffer();
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    for (const slot of [0, 1]) {
      gl.enableVertexAttribArray(slot);
      gl.vertexAttribPointer(slot, 3, gl.FLOAT, false, 24, 12 * slot);
      gl.vertexAttribDivisor(slot, 1);
    }
    gl.bindVertexArray(null);
    this.order = { scene: null, cells: [] };
  }

  draw(pane, picture, flags) {
    const { gl } = this;
    const { box, frame, look } = pane;
    const { clip, hasSelection, isLeftOut, matrix, scene } = picture;
    if (look.t >= 1) return; // there the points are where the arrows end
    if (this.order.scene !== scene) this.order = { scene, cells: stratifiedCells(scene) };
    const { limit } = densityOf(box, look.pixelRatio, 0);
    const isWanted = (cell) =>
      !isLeftOut(cell) && (!hasSelection || (flags[cell] & CELL.selected) !== 0);
    const kinds = KINDS.filter((name) => look.arrows.includes(name));
    const most = Math.floor(limit / kinds.length);
    const chosen = cellsInPicture(this.order.cells, scene, matrix, most, isWanted);
    const { handle, at } = this.program;
    gl.useProgram(handle);
    gl.uniformMatrix4fv(at.u_matrix, false, matrix);
    gl.uniform2f(at.u_half, box.width / 2, box.height / 2);
    gl.uniform2f(at.u_clip, clip.near, clip.far);
    gl.uniform3fv(at.u_edge, unit(look.background));
    gl.uniform1f(at.u_lift, 1.5 * scene.cellSize);
    gl.uniform1f(at.u_pixel, look.pixelRatio);
    const { alpha } = densityOf(box, look.pixelRatio, chosen.length * kinds.length);
    gl.uniform1f(at.u_alpha, alpha * (1 - look.t));
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    for (const kind of kinds) {
      gl.uniform3fv(at.u_color, unit(look.arrowColors[kind]));
      gl.bufferData(gl.ARRAY_BUFFER, ends(scene, frame, kind, chosen), gl.DYNAMIC_DRAW);
      gl.drawArraysInstanced(gl.TRIANGLES, 0, VERTICES, chosen.length);
    }
    gl.bindVertexArray(null);
  }
}

/** Six numbers an arrow: where it starts, and the way to its end. */
export function ends(scene, frame, kind, cells) {
  const way = displacementOf(scene, frame, kind);
  const isHalf = way instanceof Uint16Array;
  const out = new Float32Array(6 * cells.length);
  cells.forEach((cell, k) => {
    for (let axis = 0; axis < 3; axis++) {
      const part = way[3 * cell + axis];
      out[6 * k + axis] = scene.cellCoord[3 * cell + axis] * scene.scale;
      out[6 * k + 3 + axis] = isHalf ? halfToFloat(part) : part;
    }
  });
  return out;
}

function unit(color) {
  return color.map((value) => value / 255);
}

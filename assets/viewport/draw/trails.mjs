/**
 * Trails of the centroids over the last frames, as ribbons a few pixels wide that fade with age.
 * Their colour is how fast a centroid drifts, in metres a hundred steps, or a frame where steps are
 * not known.
 */

import { makeProgram } from "./gl.mjs";
import { cssGradient } from "./palette.mjs";

const WIDTH = 2.8; // css pixels
const STEPS = 100; // that a speed is given for
const TYPICAL = 0.95; // quantile of the speeds that the scale reaches up to
const RAMPS = { dark: [0.22, 1], light: [0, 0.82] }; // of the colour scale, what is seen there
const NUMBERS = 9; // an instance: two ends, its share of the scale, the ends' alphas

const TRAILS_VERTEX = `#version 300 es
layout(location = 0) in vec3 a_from;
layout(location = 1) in vec3 a_to;
layout(location = 2) in vec3 a_look; // share of the colour scale, alpha at both ends
uniform mat4 u_matrix;
uniform vec2 u_half;   // half the pane, in pixels
uniform float u_near;  // metres
uniform float u_width; // pixels
out float v_alpha;
out float v_side;
flat out float v_share;
void main() {
  vec4 from = u_matrix * vec4(a_from, 1.0);
  vec4 to = u_matrix * vec4(a_to, 1.0);
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  if (from.w < u_near || to.w < u_near) return;
  vec2 start = from.xy / from.w * u_half;
  vec2 path = to.xy / to.w * u_half - start;
  float reach = length(path);
  vec2 ahead = reach > 1e-3 ? path / reach : vec2(1.0, 0.0);
  bool is_far = (gl_VertexID & 1) == 1;
  v_side = (gl_VertexID & 2) == 0 ? 1.0 : -1.0;
  float outer = 0.5 * u_width + 1.5;
  vec2 place = (is_far ? start + path : start) + vec2(-ahead.y, ahead.x) * v_side * outer;
  v_side *= outer;
  v_alpha = is_far ? a_look.z : a_look.y;
  v_share = a_look.x;
  gl_Position = vec4(place / u_half, 0.0, 1.0);
}
`;

const TRAILS_FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D u_ramp;
uniform vec2 u_part;  // of the colour scale
uniform vec3 u_edge;
uniform float u_width;
in float v_alpha;
in float v_side;
flat in float v_share;
out vec4 color;
void main() {
  float share = mix(u_part.x, u_part.y, v_share);
  vec3 own = texelFetch(u_ramp, ivec2(int(share * 255.0 + 0.5), 0), 0).rgb;
  float inside = clamp(0.5 * u_width + 0.5 - abs(v_side), 0.0, 1.0);
  float halo = clamp(0.5 * u_width + 1.5 - abs(v_side), 0.0, 1.0);
  color = vec4(mix(u_edge, own, inside), v_alpha * max(inside, 0.7 * halo));
}
`;

/** Metres a hundred steps between two places [x, y, z, step], a frame where steps are missing. */
export function speedOf(from, to) {
  const metres = Math.hypot(to[0] - from[0], to[1] - from[1], to[2] - from[2]);
  if (from.length < 4 || to.length < 4) return metres;
  return (metres * STEPS) / Math.max(Math.abs(to[3] - from[3]), 1);
}

/** The colour scale of trails, up to a round number that most speeds stay below; null if none. */
export function scaleOf(trails, frames) {
  const speeds = [];
  let unit = `m / ${STEPS} steps`;
  for (const trail of trails.values()) {
    const kept = trail.slice(-frames - 1);
    for (let k = 1; k < kept.length; k++) speeds.push(speedOf(kept[k - 1], kept[k]));
    if (kept[0]?.length < 4) unit = "m / frame";
  }
  if (!speeds.length) return null;
  const high = speeds.sort((a, b) => a - b)[Math.floor(TYPICAL * (speeds.length - 1))];
  return { max: roundUp(Math.max(high, 1e-4)), unit };
}

/** The next of 1, 2, 5 times a power of ten. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value) + 1e-9);
  return power * [1, 2, 5, 10].find((digit) => digit * power >= value * (1 - 1e-9));
}

/** What the page's legend draws for the colour scale, on a canvas of this colour. */
export function trailGradient(background) {
  return cssGradient(...partOf(background));
}

function partOf([red, green, blue]) {
  return red + green + blue < 384 ? RAMPS.dark : RAMPS.light;
}

/** Nine numbers a piece of a trail; the newest place of a slot is where its ring is drawn now. */
export function pieces(trails, places, frames, max) {
  const out = [];
  for (const [slot, place] of places) {
    const trail = (trails.get(slot) ?? []).slice(-frames - 1);
    for (let k = 1; k < trail.length; k++) {
      const [from, to] = [trail[k - 1], k === trail.length - 1 ? place : trail[k]];
      const share = Math.min(speedOf(trail[k - 1], trail[k]) / max, 1);
      const fade = (age) => 1 - (0.7 * age) / (frames + 1);
      out.push(...from.slice(0, 3), ...to.slice(0, 3), share);
      out.push(fade(trail.length - k), fade(trail.length - 1 - k));
    }
  }
  return new Float32Array(out);
}

export class TrailLayer {
  constructor(gl) {
    this.gl = gl;
    this.program = makeProgram(gl, TRAILS_VERTEX, TRAILS_FRAGMENT);
    this.array = gl.createVertexArray();
    this.buffer = gl.createBuffer();
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    for (const slot of [0, 1, 2]) {
      gl.enableVertexAttribArray(slot);
      gl.vertexAttribPointer(slot, 3, gl.FLOAT, false, 4 * NUMBERS, 12 * slot);
      gl.vertexAttribDivisor(slot, 1);
    }
    gl.bindVertexArray(null);
  }

  draw({ box, look, marks }, { clip, glide, matrix, shown }) {
    const { gl } = this;
    const { frames } = look.trails;
    const scale = scaleOf(marks.trails, frames);
    if (!scale) return;
    const places = marks.rings(glide, shown).map(({ slot, place }) => [slot, place]);
    const data = pieces(marks.trails, places, frames, scale.max);
    const { handle, at } = this.program;
    gl.useProgram(handle);
    gl.uniformMatrix4fv(at.u_matrix, false, matrix);
    gl.uniform2f(at.u_half, box.width / 2, box.height / 2);
    gl.uniform1f(at.u_near, clip.near);
    gl.uniform1f(at.u_width, WIDTH * look.pixelRatio);
    gl.uniform2f(at.u_part, ...partOf(look.background));
    gl.uniform3fv(
      at.u_edge,
      look.background.map((value) => value / 255),
    );
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, data.length / NUMBERS);
    gl.bindVertexArray(null);
  }
}

/**
 * The centroid layer: one mark a cell where it votes for its object's centroid, a ring at each
 * pseudo-instance's centroid, and the ring's trail over the last frames.
 *
 * Rings are few (hundreds), so they glide on the processor, matched by their colour slot.
 */

import { makeProgram } from "./gl.mjs";
import { centroidsOf } from "./records.mjs";
import { RINGS_FRAGMENT, RINGS_VERTEX, VOTES_FRAGMENT, VOTES_VERTEX } from "./shaders.mjs";

const TRAIL_FRAMES = 24;
const MOST_STRIDE = 4; // cells to a drawn vote while the camera moves on a slow machine
const VOTE_PIXELS = 3.2;
const RING_PIXELS = [15, 9]; // for a few, for hundreds
const STRIDE = 16; // bytes a vertex: x, y, z, alpha

export class CentroidLayer {
  constructor(gl) {
    this.gl = gl;
    this.votes = makeProgram(gl, VOTES_VERTEX, VOTES_FRAGMENT);
    this.rings = makeProgram(gl, RINGS_VERTEX, RINGS_FRAGMENT);
    this.empty = gl.createVertexArray();
    this.array = gl.createVertexArray();
    this.buffer = gl.createBuffer();
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 3, gl.FLOAT, false, STRIDE, 0);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribPointer(1, 1, gl.FLOAT, false, STRIDE, 12);
    gl.bindVertexArray(null);
    this.clear();
  }

  clear() {
    this.step = -Infinity;
    this.now = new Map(); // slot -> [x, y, z]
    this.before = new Map();
    this.trails = new Map(); // slot -> positions, oldest first
  }

  setFrame(scene, frame, slots) {
    const centroid = centroidsOf(scene, frame);
    this.before = this.now;
    this.now = new Map();
    for (let row = 0; row < frame.numInstances; row++) {
      this.now.set(slots[row], Array.from(centroid.subarray(3 * row, 3 * row + 3)));
    }
    if (frame.step < this.step) this.trails.clear(); // going back: the past is not behind us
    if (frame.step !== this.step) this._extendTrails();
    this.step = frame.step;
  }

  _extendTrails() {
    for (const slot of this.trails.keys()) if (!this.now.has(slot)) this.trails.delete(slot);
    for (const [slot, position] of this.now) {
      const trail = this.trails.get(slot) ?? [];
      trail.push(position);
      this.trails.set(slot, trail.slice(-TRAIL_FRAMES));
    }
  }

  draw(view, look, scene) {
    const { gl } = this;
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    if (look.votes !== "target" && look.t < 1) this._drawVotes(view, look, scene);
    this._drawRings(view, look);
    gl.disable(gl.BLEND);
  }

  _drawVotes(view, look, scene) {
    const { gl } = this;
    const { handle, at } = this.votes;
    gl.useProgram(handle);
    gl.uniformMatrix4fv(at.u_matrix, false, view.matrix);
    gl.uniform1f(at.u_scale, scene.scale);
    gl.uniform2f(at.u_shares, view.glide, view.tail);
    gl.uniform1f(at.u_size, VOTE_PIXELS * look.pixelRatio);
    gl.uniform3fv(at.u_color, unit(look.voteColor));
    gl.uniform1f(at.u_alpha, 0.8 * (1 - look.t)); // at t = 1 the points are the votes
    gl.bindVertexArray(this.empty);
    const stride = Math.min(Math.ceil(scene.numPoints / view.count), MOST_STRIDE);
    gl.uniform1i(at.u_stride, stride);
    const drawn = Math.floor(scene.numCells / stride);
    if (view.tail < view.glide) {
      gl.uniform1i(at.u_is_line, 1);
      gl.drawArrays(gl.LINES, 0, 2 * drawn);
    }
    gl.uniform1i(at.u_is_line, 0);
    gl.drawArrays(gl.POINTS, 0, drawn);
    gl.bindVertexArray(null);
  }

  _drawRings(view, look) {
    const { gl } = this;
    const { handle, at } = this.rings;
    const { vertices, numLines, numRings } = this._vertices(view.glide, look.trails);
    if (!numRings) return;
    gl.useProgram(handle);
    gl.uniformMatrix4fv(at.u_matrix, false, view.matrix);
    const [few, many] = RING_PIXELS;
    const size = few + (many - few) * Math.min(numRings / 150, 1);
    gl.uniform1f(at.u_size, size * look.pixelRatio);
    gl.uniform1f(at.u_distance, view.distance);
    gl.uniform3fv(at.u_color, unit(look.targetColor));
    gl.uniform3fv(at.u_edge, unit(look.background));
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, vertices, gl.DYNAMIC_DRAW);
    gl.uniform1i(at.u_is_line, 1);
    gl.drawArrays(gl.LINES, 0, numLines);
    gl.uniform1i(at.u_is_line, 0);
    gl.drawArrays(gl.POINTS, numLines, numRings);
    gl.bindVertexArray(null);
  }

  /** Line ends of all trails, then the rings, as x, y, z, alpha. */
  _vertices(glide, withTrails) {
    const lines = [];
    const rings = [];
    for (const [slot, position] of this.now) {
      const from = this.before.get(slot);
      const place = from
        ? position.map((value, k) => from[k] + (value - from[k]) * glide)
        : position;
      rings.push(...place, from ? 1 : glide);
      if (!withTrails) continue;
      const trail = [...(this.trails.get(slot) ?? []).slice(0, -1), place];
      for (let k = 1; k < trail.length; k++) {
        const fade = (age) => 0.75 * ((TRAIL_FRAMES - age) / TRAIL_FRAMES) ** 2;
        lines.push(
          ...trail[k - 1],
          fade(trail.length - k),
          ...trail[k],
          fade(trail.length - 1 - k),
        );
      }
    }
    const vertices = new Float32Array([...lines, ...rings]);
    return { vertices, numLines: lines.length / 4, numRings: rings.length / 4 };
  }
}

function unit(color) {
  return color.map((value) => value / 255);
}

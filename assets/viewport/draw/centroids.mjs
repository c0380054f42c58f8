/**
 * The centroid layer: one mark a cell where it votes for its object's centroid, and a ring at each
 * pseudo-instance's centroid.
 *
 * Rings are few (hundreds), so they glide on the processor, matched by their colour slot.
 */

import { makeProgram } from "./gl.mjs";
import { centroidsOf } from "./records.mjs";
import { RINGS_FRAGMENT, RINGS_VERTEX, VOTES_FRAGMENT, VOTES_VERTEX } from "./shaders.mjs";

const MOST_STRIDE = 4; // cells to a drawn vote while the camera moves on a slow machine
const MOST_VOTES = 40_000; // more would cover the picture, and one another
const VOTE_PIXELS = 3.2;
const RING_PIXELS = [15, 9]; // for a few, for hundreds
const STRIDE = 16; // bytes a vertex: x, y, z, alpha

/** Where a pane's centroids are and were in the frame before, and the trails that it was given. */
export class Marks {
  constructor() {
    this.clear();
  }

  clear() {
    this.now = new Map(); // slot -> {row, place}
    this.before = new Map();
    this.trails = new Map(); // slot -> [x, y, z, step] of the last frames, oldest first
  }

  setFrame(scene, frame, slots) {
    const centroid = centroidsOf(scene, frame);
    this.before = this.now;
    this.now = new Map();
    for (let row = 0; row < frame.numInstances; row++) {
      const place = Array.from(centroid.subarray(3 * row, 3 * row + 3));
      this.now.set(slots[row], { row, place });
    }
  }

  /** Where to draw the ring of each slot, a share `glide` of the way from the frame before. */
  rings(glide, shown) {
    const rings = [];
    for (const [slot, { row, place }] of this.now) {
      if (!shown[row]) continue;
      const from = this.before.get(slot)?.place;
      const at = from ? place.map((value, k) => from[k] + (value - from[k]) * glide) : place;
      rings.push({ slot, place: at, alpha: from ? 1 : glide });
    }
    return rings;
  }
}

/** Of how many cells one vote is drawn, at rest and without a selection. */
export function voteStride({ numCells }) {
  return Math.ceil(numCells / MOST_VOTES);
}

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
  }

  draw({ look, marks }, picture) {
    if (look.votes !== "target" && look.t < 1) this._drawVotes(look, picture);
    this._drawRings(look, marks.rings(picture.glide, picture.shown), picture);
  }

  _drawVotes(look, { scene, hasSelection, ...view }) {
    const { gl } = this;
    const { handle, at } = this.votes;
    gl.useProgram(handle);
    gl.uniformMatrix4fv(at.u_matrix, false, view.matrix);
    gl.uniform1f(at.u_scale, scene.scale);
    gl.uniform2f(at.u_shares, view.glide, view.tail);
    gl.uniform1i(at.u_has_selection, hasSelection ? 1 : 0);
    gl.uniform1f(at.u_size, VOTE_PIXELS * look.pixelRatio);
    gl.uniform3fv(at.u_color, unit(look.voteColor));
    gl.uniform1f(at.u_alpha, 0.8 * (1 - look.t)); // at t = 1 the points are the votes
    gl.bindVertexArray(this.empty);
    const stride = Math.max(
      Math.min(Math.ceil(scene.numPoints / view.count), MOST_STRIDE),
      hasSelection ? 1 : voteStride(scene),
    );
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

  _drawRings(look, rings, { distance, matrix }) {
    const { gl } = this;
    if (!rings.length) return;
    const { handle, at } = this.rings;
    gl.useProgram(handle);
    gl.uniformMatrix4fv(at.u_matrix, false, matrix);
    const [few, many] = RING_PIXELS;
    const size = few + (many - few) * Math.min(rings.length / 150, 1);
    gl.uniform1f(at.u_size, size * look.pixelRatio);
    gl.uniform1f(at.u_distance, distance);
    gl.uniform3fv(at.u_color, unit(look.targetColor));
    gl.uniform3fv(at.u_edge, unit(look.background));
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    const vertices = new Float32Array(rings.flatMap(({ place, alpha }) => [...place, alpha]));
    gl.bufferData(gl.ARRAY_BUFFER, vertices, gl.DYNAMIC_DRAW);
    gl.drawArrays(gl.POINTS, 0, rings.length);
    gl.bindVertexArray(null);
  }
}

function unit(color) {
  return color.map((value) => value / 255);
}

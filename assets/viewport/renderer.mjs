/**
 * Draws one scene and one frame of it: points into an off-screen target, eye-dome lighting, then
 * the centroids over it. Keeps the arrays it was given, so a lost context is rebuilt from them.
 *
 * Knows nothing of time, network or page; `draw` says how many points it drew.
 */

import { Still, Target, TableTexture, UNITS, hashBytes, makeProgram } from "./gl.mjs";
import { CentroidLayer } from "./centroids.mjs";
import { FLAG, cutAway, shellOf, wholeFlags } from "./cutaway.mjs";
import { categoryTexels, heightRamp } from "./palette.mjs";
import { NO_SEGMENT, displacementOf, tintOf } from "./records.mjs";
import { sizeFactor } from "./lod.mjs";
import { POINTS_FRAGMENT, POINTS_VERTEX, SCREEN_VERTEX, SHADE_FRAGMENT } from "./shaders.mjs";

/** The browser cannot draw here. */
export class NoWebGL2Error extends Error {}

const COLOURING_CODES = { input: 0, truth: 0, height: 1, features: 2, segment: 3, instance: 4, plane: 5 };
const WALL_FLAGS = { all: FLAG.cut + 1, cut: FLAG.cut, hidden: FLAG.plane }; // drawn below
const NEEDS_FRAME = new Set(["features", "segment", "instance"]);
const SHADE_STRENGTH = 7; // per unit of log2 depth, summed over four neighbours
const LARGEST_POINT = 10; // pixels at size 1
const SPREAD = 1.9; // a point's width over the points' spacing; closes randomly sampled surfaces

export class Renderer {
  constructor(canvas) {
    this.canvas = canvas;
    this.gl = canvas.getContext("webgl2", {
      antialias: false,
      alpha: false,
      powerPreference: "high-performance",
    });
    if (!this.gl) {
      throw new NoWebGL2Error("This browser offers no WebGL2, which the viewport draws with.");
    }
    this.scene = null;
    this.frame = null;
    this.slots = null; // colour slot of each pseudo-instance
    this.look = {
      t: 0,
      colouring: "input",
      votes: "before",
      walls: "all",
      centroids: true,
      trails: true,
      size: 1,
      pixelRatio: 1,
      background: [11, 14, 18],
      unassigned: [125, 135, 147],
      voteColor: [86, 180, 233],
      targetColor: [240, 228, 66],
      planeColor: [76, 141, 214],
    };
    this._build();
  }

  /** Everything that lives on the GPU; also after a lost context. */
  rebuild() {
    this._build();
    const { scene, frame, slots } = this;
    if (scene) this.setScene(scene);
    if (frame) this.setFrame(frame, slots);
  }

  _build() {
    const { gl } = this;
    this.points = makeProgram(gl, POINTS_VERTEX, POINTS_FRAGMENT);
    this.shade = makeProgram(gl, SCREEN_VERTEX, SHADE_FRAGMENT);
    this.target = new Target(gl);
    this.still = new Still(gl);
    const names = Object.keys(UNITS).filter((name) => name !== "u_picture" && name !== "u_depth");
    this.textures = Object.fromEntries(names.map((name) => [name, new TableTexture(gl, name)]));
    this.textures.u_ramp.upload("rgba", heightRamp());
    this.array = gl.createVertexArray();
    this.buffers = [gl.createBuffer(), gl.createBuffer(), gl.createBuffer()];
    this.centroids = new CentroidLayer(gl);
    this._tinted = "";
    this._segmentNone = "";
    this._pictured = ""; // what the off-screen target shows
  }

  setScene(scene) {
    const { gl } = this;
    this.scene = scene;
    this.frame = null;
    this.slots = null;
    this._tinted = "";
    gl.bindVertexArray(this.array);
    const [coord, cell] = this.buffers;
    gl.bindBuffer(gl.ARRAY_BUFFER, coord);
    gl.bufferData(gl.ARRAY_BUFFER, scene.coord, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 3, gl.UNSIGNED_SHORT, true, 6, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, cell);
    gl.bufferData(gl.ARRAY_BUFFER, scene.cellIndex, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribIPointer(1, 1, gl.UNSIGNED_INT, 4, 0);
    gl.bindVertexArray(null);
    this._pictured = "";
    this.textures.u_cell_coord.upload("coord", scene.cellCoord);
    this.shell = shellOf(scene);
    this.flags = wholeFlags(scene);
    this.textures.u_cell_plane.upload("flag", this.flags);
    this.centroids.clear();
  }

  /** Take a frame; the last one stays as the start of the glide. */
  setFrame(frame, slots) {
    this.frame = frame;
    this.slots = slots;
    if (NEEDS_FRAME.has(this.look.colouring) || this.look.t > 0) this._pictured = "";
    this._moveDisplacement();
    this.textures.u_instance.upload("id", frame.instance);
    this.textures.u_segment.upload("flag", frame.segment);
    this.textures.u_pca.upload("rgb", frame.pca);
    this.textures.u_instance_color.upload("rgba", categoryTexels(frame.numInstances, slots));
    this.centroids.setFrame(this.scene, frame, slots);
  }

  /** Other votes of the same frame; points glide there. */
  setVotes(votes) {
    this.look.votes = votes;
    if (this.frame) this._moveDisplacement();
  }

  _moveDisplacement() {
    const { u_displacement: now, u_displacement_before: before } = this.textures;
    before.bind(UNITS.u_displacement);
    now.bind(UNITS.u_displacement_before);
    this.textures.u_displacement = before;
    this.textures.u_displacement_before = now;
    const kind = this.look.votes === "target" ? "float3" : "half3";
    before.upload(kind, displacementOf(this.scene, this.frame, this.look.votes));
  }

  _tint() {
    const { gl, look, scene } = this;
    const kind = look.colouring === "truth" && scene.instance ? "truth" : "input";
    const wanted = `${scene.id} ${kind} ${look.unassigned}`;
    if (wanted === this._tinted) return;
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[2]);
    gl.bufferData(gl.ARRAY_BUFFER, tintOf(scene, kind, look.unassigned), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(2);
    gl.vertexAttribPointer(2, 3, gl.UNSIGNED_BYTE, true, 3, 0);
    this._tinted = wanted;
  }

  /** Cells without a segment have the colour of what is unassigned, which the page decides. */
  _dealSegmentColors() {
    const { unassigned } = this.look;
    if (String(unassigned) === this._segmentNone) return;
    const texels = categoryTexels(NO_SEGMENT + 1);
    texels.set(unassigned, 4 * NO_SEGMENT);
    this.textures.u_segment_color.upload("rgba", texels);
    this._segmentNone = String(unassigned);
  }

  /** What can be shown now: without a frame, points stay and frame colours fall back to input. */
  effectiveColouring() {
    const { colouring } = this.look;
    if (colouring === "truth") return this.scene?.instance ? "truth" : "input";
    return NEEDS_FRAME.has(colouring) && !this.frame ? "input" : colouring;
  }

  /**
   * @param {{matrix: number[], clip: {near: number, far: number}, focal: number, distance: number,
   *   eye: number[], glide: number, tail: number, count: number}} view focal in pixels; glide 0..1
   *   between the last two frames, and the end of the votes' tails in the same measure
   */
  draw(view) {
    const { gl, canvas, look, scene } = this;
    if (gl.isContextLost()) return;
    gl.viewport(0, 0, canvas.width, canvas.height);
    const wanted = this._pointsKey(view);
    if (wanted !== this._pictured) {
      this._drawTarget(view);
      this._drawShade(view);
    }
    this._pictured = wanted;
    this.still.show();
    if (scene && this.frame && look.centroids) this.centroids.draw(view, look, scene);
  }

  /** All that the points' picture depends on; votes that glide over points at rest are not. */
  _pointsKey({ matrix, glide, count }) {
    const { canvas, frame, look, scene } = this;
    const { t, colouring, votes, walls, size, pixelRatio, unassigned, background } = look;
    const moves = frame && t > 0;
    return JSON.stringify([
      [scene?.id, canvas.width, canvas.height, count, walls, size, pixelRatio],
      [unassigned, background],
      matrix,
      moves ? [t, glide, votes, frame.step] : 0,
      NEEDS_FRAME.has(colouring) ? [colouring, frame?.step] : colouring,
    ]);
  }

  _drawTarget(view) {
    const { gl, canvas } = this;
    this.target.resize(canvas.width, canvas.height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.target.handle);
    gl.disable(gl.BLEND);
    gl.enable(gl.DEPTH_TEST);
    gl.clearColor(0, 0, 0, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    if (this.scene) this._drawPoints(view);
    gl.disable(gl.DEPTH_TEST);
  }

  _drawPoints(view) {
    const { gl, look, scene } = this;
    this._tint();
    this._dealSegmentColors();
    if (look.walls === "cut" && cutAway(this.shell, view.eye, this.flags)) {
      this.textures.u_cell_plane.upload("flag", this.flags);
    }
    const { handle, at } = this.points;
    const { low, high } = scene.core;
    gl.useProgram(handle);
    gl.uniformMatrix4fv(at.u_matrix, false, view.matrix);
    gl.uniform1f(at.u_scale, scene.scale);
    gl.uniform1f(at.u_t, this.frame ? look.t : 0);
    gl.uniform1f(at.u_glide, view.glide);
    gl.uniform1i(at.u_colouring, COLOURING_CODES[this.effectiveColouring()]);
    gl.uniform1ui(at.u_hidden_from, WALL_FLAGS[look.walls]);
    gl.uniform1i(at.u_is_target, look.votes === "target" && this.frame ? 1 : 0);
    const spread = SPREAD * look.size * sizeFactor(scene.numPoints, view.count);
    gl.uniform1f(at.u_size, scene.spacing * spread);
    gl.uniform1f(at.u_pixels, view.focal);
    gl.uniform2f(
      at.u_size_range,
      1.6 * look.pixelRatio,
      LARGEST_POINT * look.pixelRatio * Math.max(look.size, 1),
    );
    gl.uniform2f(at.u_height_range, low[2], high[2]);
    gl.uniform3fv(at.u_unassigned, unit(look.unassigned));
    gl.uniform3fv(at.u_plane_color, unit(look.planeColor));
    gl.bindVertexArray(this.array);
    gl.drawArrays(gl.POINTS, 0, view.count);
    gl.bindVertexArray(null);
  }

  _drawShade({ clip }) {
    const { canvas, gl, look } = this;
    const { handle, at } = this.shade;
    this.still.resize(canvas.width, canvas.height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.still.handle);
    gl.useProgram(handle);
    gl.uniform2f(at.u_clip, clip.near, clip.far);
    gl.uniform3fv(at.u_background, unit(look.background));
    gl.uniform1f(at.u_strength, SHADE_STRENGTH);
    gl.uniform1i(at.u_radius, Math.max(Math.round(look.pixelRatio), 1));
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /** Hash of the picture; call it in the same task as `draw`. */
  pixelHash() {
    const { gl, canvas } = this;
    const pixels = new Uint8Array(canvas.width * canvas.height * 4);
    gl.readPixels(0, 0, canvas.width, canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    return hashBytes(pixels);
  }

  /** Give the context back now; browsers allow only a handful of them. */
  dispose() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

function unit(color) {
  return color.map((value) => value / 255);
}

/**
 * Draws one scene in one or more panes: which point each pixel shows, then what colour that is with
 * eye-dome lighting, then marks, arrows and trails over it. Keeps the arrays it was given, so a lost
 * context is rebuilt from them.
 *
 * Knows nothing of time, network or page; a pane's picture is drawn again only as far as it changed.
 */

import { ArrowLayer } from "./arrows.mjs";
import { cellTexels } from "./cell_colors.mjs";
import { anyOf, hideOthers, rowsShown, stateOf } from "./cell_flags.mjs";
import { CentroidLayer } from "./centroids.mjs";
import { FLAG, cutAway, shellOf, wholeFlags } from "./cutaway.mjs";
import { Still, TableTexture, Target, hashBytes, makeProgram } from "./gl.mjs";
import { sizeFactor } from "./lod.mjs";
import { heightRamp } from "./palette.mjs";
import { Pane, paneBoxes } from "./panes.mjs";
import { nearestPoint } from "./picking.mjs";
import { tintOf } from "./records.mjs";
import {
  DISC_PIXELS,
  POINTS_VERTEX,
  POINT_COLUMNS,
  SCREEN_VERTEX,
  SOURCE,
  pointsFragment,
  shadeFragment,
} from "./shaders.mjs";
import { TrailLayer } from "./trails.mjs";

/** The browser cannot draw here. */
export class NoWebGL2Error extends Error {}

const SOURCES = { input: SOURCE.tint, truth: SOURCE.tint, height: SOURCE.height }; // else the cell
const WALL_FLAGS = { all: FLAG.cut + 1, cut: FLAG.cut, hidden: FLAG.plane }; // drawn below
const NEEDS_FRAME = new Set(["features", "segment", "instance"]);
const LARGEST_POINT = 10; // pixels at size 1
const SPREAD = 1.9; // a point's width over the points' spacing; closes randomly sampled surfaces
const PICK_REACH = 4; // pixels around the place that was asked for
const DIVIDER = 0.3; // of the way from the background to what is unassigned

export class Renderer {
  /** @param {object} host of the panes, see `Pane` */
  constructor(canvas, host) {
    this.canvas = canvas;
    this.host = host;
    this.gl = canvas.getContext("webgl2", {
      antialias: false,
      alpha: false,
      powerPreference: "high-performance",
    });
    if (!this.gl) {
      throw new NoWebGL2Error("This browser offers no WebGL2, which the viewport draws with.");
    }
    this.scene = null;
    this.flags = null; // of cells, see `cell_flags.mjs`
    this.any = anyOf(null);
    this.hiddenVersion = 0;
    this.stateVersion = 0;
    this.panes = [];
    this._build();
    this.setLayout(1);
  }

  /** Everything that lives on the GPU, in a new context. */
  rebuild() {
    this._build();
    if (this.scene) this._uploadScene();
    for (const pane of this.panes) pane.build();
  }

  _build() {
    const { gl } = this;
    this.discs = makeProgram(gl, POINTS_VERTEX, pointsFragment(true));
    this.squares = makeProgram(gl, POINTS_VERTEX, pointsFragment(false));
    this.shade = makeProgram(gl, SCREEN_VERTEX, shadeFragment(false));
    this.shadeHover = makeProgram(gl, SCREEN_VERTEX, shadeFragment(true));
    this.target = new Target(gl);
    this.still = new Still(gl);
    this.textures = {
      u_cell_coord: new TableTexture(gl, "u_cell_coord", "coord"),
      u_cell_state: new TableTexture(gl, "u_cell_state", "flag"),
    };
    new TableTexture(gl, "u_ramp", "rgba").upload("rgba", heightRamp());
    this.tints = {}; // by kind: {texture, key}
    this.array = gl.createVertexArray();
    this.buffers = { coord: gl.createBuffer(), cell: gl.createBuffer() };
    this.centroids = new CentroidLayer(gl);
    this.arrows = new ArrowLayer(gl);
    this.trails = new TrailLayer(gl);
    this._stillKey = "";
  }

  /** 1, 2 or 4 panes; new ones show what the first does. */
  setLayout(count) {
    while (this.panes.length > count) this.panes.pop().dispose();
    while (this.panes.length < count) {
      const pane = new Pane(this, this.host);
      this.panes.push(pane);
      if (this.panes.length > 1) pane.copy(this.panes[0]);
    }
    this.layOut();
  }

  /** Give each pane its place in the canvas. */
  layOut() {
    const { canvas, panes } = this;
    const ratio = panes[0].look.pixelRatio;
    const boxes = paneBoxes(panes.length, canvas.width, canvas.height, ratio);
    panes.forEach((pane, k) => (pane.box = boxes[k]));
  }

  setScene(scene) {
    this.scene = scene;
    this.flags = null;
    this.any = anyOf(null);
    this.shell = shellOf(scene);
    this.wallFlags = wholeFlags(scene);
    for (const pane of this.panes) pane.clear();
    this._uploadScene();
  }

  _uploadScene() {
    const { buffers, gl, scene, textures } = this;
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers.coord);
    gl.bufferData(gl.ARRAY_BUFFER, scene.coord, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 3, gl.UNSIGNED_SHORT, true, 6, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers.cell);
    gl.bufferData(gl.ARRAY_BUFFER, scene.cellIndex, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribIPointer(1, 1, gl.UNSIGNED_INT, 4, 0);
    gl.bindVertexArray(null);
    textures.u_cell_coord.upload("coord", scene.cellCoord);
    for (const tint of Object.values(this.tints)) tint.key = "";
    this._uploadState();
    for (const pane of this.panes) pane.forget();
  }

  /** Mark cells as selected, hidden or hovered: a byte a cell, or null for none. */
  setCells(flags) {
    if (flags && flags.length !== this.scene?.numCells) {
      throw new RangeError(
        `setCells got ${flags.length} flags, the scene has ${this.scene?.numCells ?? 0} cells.`,
      );
    }
    if (hideOthers(this.flags, flags)) this.hiddenVersion += 1;
    this.flags = flags && flags.slice();
    this.any = anyOf(flags);
    if (this.scene) this._uploadState();
  }

  _uploadState() {
    this.textures.u_cell_state.upload("flag", stateOf(this.wallFlags, this.flags));
    this.stateVersion += 1;
  }

  /** True if the walls or the flags leave a cell out of a pane. */
  isLeftOut(cell, look) {
    return this.wallFlags[cell] >= WALL_FLAGS[look.walls] || ((this.flags?.[cell] ?? 0) & 2) !== 0;
  }

  /** What can be shown now: without a frame, points stay and frame colours fall back to input. */
  effectiveColouring({ look, frame } = this.panes[0]) {
    if (look.colouring === "truth") return this.scene?.instance ? "truth" : "input";
    return NEEDS_FRAME.has(look.colouring) && !frame ? "input" : look.colouring;
  }

  /**
   * @param {{matrix: number[], clip: {near: number, far: number}, focal: number, distance: number,
   *   eye: number[], rise: number[], glide: number, tail: number, count: number}[]} views one a
   *   pane; focal in pixels; rise: metres up for a metre ahead, in the middle of the picture and what
   *   its top has more; glide 0..1 between the last two frames, and the end of the votes' tails
   * @param {boolean} isMoving whether the next picture will show other points
   */
  draw(views, isMoving = false) {
    const { canvas, gl, panes } = this;
    if (gl.isContextLost()) return;
    const divider = this._prepare(panes[0].look);
    if (isMoving) {
      gl.bindFramebuffer(gl.FRAMEBUFFER, null);
      clear(gl, divider);
      panes.forEach((pane, k) => this._drawPane(pane, views[k], null));
    } else {
      panes.forEach((pane, k) => this._drawPane(pane, views[k], this.still.handle));
      gl.disable(gl.SCISSOR_TEST);
      this.still.show();
    }
    if (!this.scene) return;
    gl.enable(gl.SCISSOR_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    panes.forEach((pane, k) => pane.frame && this._drawOver(pane, views[k]));
    gl.disable(gl.BLEND);
    gl.disable(gl.SCISSOR_TEST);
    gl.viewport(0, 0, canvas.width, canvas.height);
  }

  /**
   * The canvas-wide pictures, emptied when their size, the panes or the colour between them change;
   * that colour.
   */
  _prepare({ background, unassigned }) {
    const { canvas, gl, panes } = this;
    const divider = background.map((from, k) => (from + (unassigned[k] - from) * DIVIDER) / 255);
    const key = String([canvas.width, canvas.height, panes.length, divider]);
    if (key === this._stillKey) return divider;
    this._stillKey = key;
    this.target.resize(canvas.width, canvas.height);
    this.still.resize(canvas.width, canvas.height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.still.handle);
    clear(gl, divider);
    for (const pane of panes) pane.forget();
    return divider;
  }

  /** Bring a pane up to date in the still; or draw it on screen (null), where nothing is kept. */
  _drawPane(pane, view, into) {
    const [pointsKey, shadeKey] = [this._pointsKey(pane, view), this._shadeKey(pane)];
    const isMoved = pointsKey !== pane.pointsKey;
    if (into && !isMoved && shadeKey === pane.shadeKey) return;
    this._enter(pane);
    if (isMoved) this._drawTarget(pane, view);
    if (shadeKey !== pane.colorKey) this._color(pane);
    this._drawShade(pane, view, into);
    Object.assign(pane, { pointsKey, colorKey: shadeKey, shadeKey: into && shadeKey });
  }

  /** Draw into this pane's part of the canvas, from its textures. */
  _enter(pane) {
    const { canvas, gl } = this;
    const { x, y, width, height } = pane.box;
    const part = [x, canvas.height - y - height, width, height];
    gl.enable(gl.SCISSOR_TEST);
    gl.viewport(...part);
    gl.scissor(...part);
    pane.bind();
  }

  /** What decides which point each pixel shows; votes that glide over points at rest do not. */
  _pointsKey({ box, frame, look, version }, { matrix, glide, count }) {
    const { t, walls, size, pixelRatio } = look;
    return JSON.stringify([
      [this.scene?.id, box, count, walls, size, pixelRatio, this.hiddenVersion],
      matrix,
      frame && t > 0 ? [t, glide, version] : 0,
    ]);
  }

  /** What else decides the colours. */
  _shadeKey(pane) {
    const { background, unassigned, planeColor, t, votes } = pane.look;
    const colouring = this.effectiveColouring(pane);
    const isOfFrame = NEEDS_FRAME.has(colouring) || (votes === "target" && t > 0);
    return String([
      [colouring, isOfFrame ? pane.version : 0, this.stateVersion],
      [background, unassigned, planeColor],
    ]);
  }

  _drawTarget(pane, view) {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.target.handle);
    gl.enable(gl.DEPTH_TEST);
    gl.clearBufferuiv(gl.COLOR, 0, [0, 0, 0, 0]);
    gl.clear(gl.DEPTH_BUFFER_BIT);
    if (this.scene) this._drawPoints(pane, view);
    gl.disable(gl.DEPTH_TEST);
  }

  _drawPoints({ frame, look }, view) {
    const { gl, scene } = this;
    if (look.walls === "cut" && cutAway(this.shell, view.eye, this.wallFlags)) {
      this.textures.u_cell_state.upload("flag", stateOf(this.wallFlags, this.flags));
    }
    const width = scene.spacing * SPREAD * look.size * sizeFactor(scene.numPoints, view.count);
    const [least, most] = [1.6, LARGEST_POINT * Math.max(look.size, 1)].map(
      (size) => size * look.pixelRatio,
    );
    const largest = Math.max(Math.min((width * view.focal) / view.clip.near, most), least);
    const { handle, at } = largest > DISC_PIXELS ? this.discs : this.squares;
    gl.useProgram(handle);
    gl.uniformMatrix4fv(at.u_matrix, false, view.matrix);
    gl.uniform1f(at.u_scale, scene.scale);
    gl.uniform1f(at.u_t, frame ? look.t : 0);
    gl.uniform1f(at.u_glide, view.glide);
    gl.uniform1i(at.u_is_target, look.votes === "target" && frame ? 1 : 0);
    gl.uniform1i(at.u_leaves_out, look.walls !== "all" || this.any.hidden ? 1 : 0);
    gl.uniform1ui(at.u_walls_from, WALL_FLAGS[look.walls]);
    gl.uniform1f(at.u_size, width);
    gl.uniform1f(at.u_pixels, view.focal);
    gl.uniform2f(at.u_size_range, least, most);
    gl.bindVertexArray(this.array);
    gl.drawArrays(gl.POINTS, 0, view.count);
    gl.bindVertexArray(null);
  }

  /** What its cells look like. */
  _color(pane) {
    const { flags, scene } = this;
    if (!scene) return;
    const { frame, look, slots } = pane;
    const colouring = this.effectiveColouring(pane);
    const texels = cellTexels({ colouring, scene, frame, slots, flags, look });
    pane.textures.u_cell_color.upload("rgba", texels);
  }

  _drawShade(pane, { clip, eye, rise }, into) {
    const { canvas, gl, scene } = this;
    const { look, box } = pane;
    const { handle, at } = this.any.hovered ? this.shadeHover : this.shade;
    const colouring = this.effectiveColouring(pane);
    if (scene) this._tint(look);
    gl.bindFramebuffer(gl.FRAMEBUFFER, into);
    gl.useProgram(handle);
    const bottom = canvas.height - box.y - box.height;
    gl.uniform4i(at.u_box, box.x, bottom, box.x + box.width - 1, bottom + box.height - 1);
    gl.uniform2f(at.u_clip, clip.near, clip.far);
    gl.uniform1i(at.u_source, SOURCES[colouring] ?? SOURCE.cell);
    gl.uniform1f(at.u_unassigned_share, look.votes === "target" ? look.t : 0);
    gl.uniform3f(at.u_height, eye[2], ...rise);
    gl.uniform2f(at.u_height_range, scene?.core.low[2] ?? 0, scene?.core.high[2] ?? 1);
    gl.uniform3fv(at.u_background, unit(look.background));
    gl.uniform3fv(at.u_unassigned, unit(look.unassigned));
    gl.uniform3fv(at.u_highlight, look.background[0] < 128 ? [1, 1, 1] : [0.06, 0.08, 0.11]);
    gl.uniform1i(at.u_radius, Math.max(Math.round(look.pixelRatio), 1));
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  _drawOver(pane, view) {
    this._enter(pane);
    const { look } = pane;
    const shown = rowsShown(pane.frame.instance, pane.frame.numInstances, this.flags);
    const isLeftOut = (cell) => this.isLeftOut(cell, look);
    const hasSelection = this.any.selected;
    const picture = { ...view, scene: this.scene, hasSelection, isLeftOut, shown };
    if (look.arrows.length) this.arrows.draw(pane, picture, this.flags);
    if (look.trails.frames > 0) this.trails.draw(pane, picture);
    if (look.centroids) this.centroids.draw(pane, picture);
  }

  /** Colours that belong to points, uploaded when they are first asked for. */
  _tint({ colouring, unassigned }) {
    const { scene } = this;
    const kind = colouring === "truth" && scene.instance ? "truth" : "input";
    this.tints[kind] ??= {
      texture: new TableTexture(this.gl, "u_tint", "rgb", POINT_COLUMNS),
      key: "",
    };
    const tint = this.tints[kind];
    const key = `${scene.id} ${kind === "truth" ? unassigned : ""}`;
    tint.texture.bind();
    if (key === tint.key) return;
    tint.texture.upload("rgb", tintOf(scene, kind, unassigned));
    tint.key = key;
  }

  /** The drawn point nearest to a pixel of a pane, counted from the canvas' top left; -1 for none. */
  pick(x, y, { box, pointsKey }) {
    const { canvas, gl, target } = this;
    if (!pointsKey || !this.scene || gl.isContextLost()) return -1;
    const left = Math.max(box.x, Math.min(Math.round(x), box.x + box.width - 1));
    const top = Math.max(box.y, Math.min(Math.round(y), box.y + box.height - 1));
    return nearestPoint(target.read(left, canvas.height - 1 - top, PICK_REACH));
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

function clear(gl, [red, green, blue]) {
  gl.clearColor(red, green, blue, 1);
  gl.clear(gl.COLOR_BUFFER_BIT);
}

function unit(color) {
  return color.map((value) => value / 255);
}

/**
 * Draws one scene in one or more panes: which point each pixel shows, then what colour that is,
 * then marks, arrows and trails over it. A pane is drawn again only as far as it changed. Keeps the
 * arrays it was given, so a lost context is rebuilt from them.
 *
 * Knows nothing of time, network or page.
 */

import { ArrowLayer } from "./arrows.mjs";
import { CELL, anyOf, hideOthers, rowsShown, stateOf } from "./cell_flags.mjs";
import { CentroidLayer } from "./centroids.mjs";
import { cutAway, shellOf, wholeFlags } from "./cutaway.mjs";
import { Still, TableTexture, Target, hashBytes } from "./gl.mjs";
import { Pane, paneBoxes } from "./panes.mjs";
import { nearestPoint } from "./picking.mjs";
import { PointLayer, WALL_FLAGS } from "./points.mjs";
import { ShadeLayer } from "./shading.mjs";
import { TrailLayer } from "./trails.mjs";

/** The browser cannot draw here. */
export class NoWebGL2Error extends Error {}

const NEEDS_FRAME = new Set(["features", "segment", "instance", "score"]);
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
    this.points = new PointLayer(gl);
    this.shade = new ShadeLayer(gl);
    this.centroids = new CentroidLayer(gl);
    this.arrows = null; // made when they are first asked for
    this.trails = null;
    this.cellState = new TableTexture(gl, "u_cell_state", "flag");
    this.target = new Target(gl);
    this.still = new Still(gl);
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
    this.points.setScene(this.scene);
    this.shade.setScene(this.scene);
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
    this.stateVersion += 1;
    if (this.scene) this._uploadState();
  }

  _uploadState() {
    this.cellState.upload("flag", stateOf(this.wallFlags, this.flags));
  }

  /** True if the walls or the flags leave a cell out of a pane. */
  isLeftOut(cell, look) {
    const isHidden = ((this.flags?.[cell] ?? 0) & CELL.hidden) !== 0;
    return isHidden || this.wallFlags[cell] >= WALL_FLAGS[look.walls];
  }

  /** What can be shown now: without a frame, points stay and frame colours fall back to input. */
  effectiveColouring({ look, frame } = this.panes[0]) {
    if (look.colouring === "truth") return this.scene?.instance ? "truth" : "input";
    return NEEDS_FRAME.has(look.colouring) && !frame ? "input" : look.colouring;
  }

  /**
   * @param {object[]} views one a pane: what `eyeFor` tells of the camera, the `count` of points,
   *   `glide` 0..1 between the last two frames and `tail`, where the ends of the votes' tails are
   */
  draw(views) {
    const { canvas, gl, panes } = this;
    if (gl.isContextLost()) return;
    gl.disable(gl.SCISSOR_TEST);
    const divider = this._prepare(panes[0].look);
    const keys = panes.map((pane, k) => this._pointsKey(pane, views[k]));
    // What has just changed goes straight to the screen: a still is only made once it rests.
    const isNew = (pane, k) => keys[k] !== pane.pointsKey || this._shadeKey(pane) !== pane.colorKey;
    const into = panes.some(isNew) ? null : this.still.handle;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    if (!into) clear(gl, divider);
    panes.forEach((pane, k) => this._drawPane(pane, views[k], keys[k], into));
    gl.disable(gl.SCISSOR_TEST);
    if (into) this.still.show();
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
  _drawPane(pane, view, pointsKey, into) {
    const shadeKey = this._shadeKey(pane);
    const isMoved = pointsKey !== pane.pointsKey;
    if (into && !isMoved && shadeKey === pane.shadeKey) return;
    const part = this._enter(pane);
    if (isMoved) this._drawPoints(pane, view);
    const colouring = this.effectiveColouring(pane);
    if (this.scene && shadeKey !== pane.colorKey) this.shade.color(pane, colouring, this.flags);
    this.gl.bindFramebuffer(this.gl.FRAMEBUFFER, into);
    this.shade.draw(pane, view, part, { colouring, hasHover: this.any.hovered });
    Object.assign(pane, { pointsKey, colorKey: shadeKey, shadeKey: into && shadeKey });
  }

  /** Draw into this pane's part of the canvas, from its textures; that part, counted from below. */
  _enter(pane) {
    const { canvas, gl } = this;
    const { x, y, width, height } = pane.box;
    const part = [x, canvas.height - y - height, width, height];
    gl.enable(gl.SCISSOR_TEST);
    gl.viewport(...part);
    gl.scissor(...part);
    pane.bind();
    return part;
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

  _drawPoints(pane, view) {
    const { gl } = this;
    const isCut = this.scene && pane.look.walls === "cut";
    if (isCut && cutAway(this.shell, view.eye, this.wallFlags)) this._uploadState();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.target.handle);
    gl.enable(gl.DEPTH_TEST);
    gl.clearBufferuiv(gl.COLOR, 0, [0, 0, 0, 0]);
    gl.clear(gl.DEPTH_BUFFER_BIT);
    if (this.scene) this.points.draw(pane, view, this.any.hidden);
    gl.disable(gl.DEPTH_TEST);
  }

  _drawOver(pane, view) {
    this._enter(pane);
    const { look } = pane;
    const shown = rowsShown(pane.frame.instance, pane.frame.numInstances, this.flags);
    const isLeftOut = (cell) => this.isLeftOut(cell, look);
    const hasSelection = this.any.selected;
    const picture = { ...view, scene: this.scene, hasSelection, isLeftOut, shown };
    if (look.arrows.length) {
      this.arrows ??= new ArrowLayer(this.gl);
      this.arrows.draw(pane, picture, this.flags);
    }
    if (look.trails.frames > 0 && pane.marks.trails.size) {
      this.trails ??= new TrailLayer(this.gl);
      this.trails.draw(pane, picture);
    }
    if (look.centroids) this.centroids.draw(pane, picture);
  }

  /** The drawn point nearest to a pixel of a pane, from the canvas' top left; -1 for none. */
  pick(x, y, { box, pointsKey }) {
    const { canvas, gl, target } = this;
    if (!pointsKey || !this.scene || gl.isContextLost()) return -1;
    const left = Math.max(box.x, Math.min(Math.floor(x), box.x + box.width - 1));
    const top = Math.max(box.y, Math.min(Math.floor(y), box.y + box.height - 1));
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

/**
 * The canvas: camera, drawing when something changed and only then, fewer points while it moves.
 * Knows the renderer and the hands on the camera, nothing of runs and frames on a server.
 *
 * Places in the canvas are css pixels from its top left corner, places in the scene metres from the
 * scene's origin.
 */

import * as cameras from "./camera.mjs";
import { attachControls } from "./controls.mjs";
import { make, prefersStill } from "../page/dom.mjs";
import { FIRST_BUDGET, nextBudget, pointsToDraw } from "./lod.mjs";
import { LAYOUTS, smooth } from "./panes.mjs";
import { cellsInside, movedOf, projected } from "./picking.mjs";
import { Renderer } from "./renderer.mjs";
import { scaleOf, trailGradient } from "./trails.mjs";
import { framedPoints, homeView } from "./vantage.mjs";

const PIXEL_RATIO_CAP = 1.5;
const TURN_MS = 180;
const SETTLE_MS = 160; // stillness before all points are drawn again

export class View {
  /** @param {{onDrawn: Function, onContext: (isLost: boolean) => void}} on */
  constructor(on) {
    this.on = on;
    this.canvas = make("canvas", { class: "vp-canvas" });
    this.renderer = new Renderer(this.canvas, {
      relooked: (pane, change) => this._relooked(change),
      glides: (pane) => this._glides(pane),
    }); // throws where there is no WebGL2
    this.camera = cameras.makeCamera();
    this.budget = FIRST_BUDGET;
    this.drawn = 0;
    this.hasMoved = false; // camera or points, since the last picture
    this.lastPicture = null; // time of the last picture, null after a rest
    this.turn = null; // {from, to, start}
    this.isHome = true; // the view that the scene opened with; fitted again when the size changes
    this.controls = attachControls(this.canvas, {
      get: () => this.camera,
      boxAt: (x, y) => this.panes[this.paneAt(x, y)].rect,
      set: (camera) => {
        this.turn = null;
        this.isHome = false;
        this.setCamera(camera);
      },
    });
    this.sizes = new ResizeObserver(() => this._resize());
    this.sizes.observe(this.canvas);
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.on.onContext(true);
    });
    this.canvas.addEventListener("webglcontextrestored", () => {
      this.renderer.rebuild();
      this.on.onContext(false);
      this.request();
    });
  }

  get panes() {
    return this.renderer.panes;
  }

  /** Of the first pane. */
  get look() {
    return this.panes[0].look;
  }

  /** Draw 1, 2 or 4 panes with one camera; a new one shows what the first does. */
  setLayout(count) {
    if (!LAYOUTS.includes(count)) {
      throw new RangeError(`setLayout got ${count}, expected one of ${LAYOUTS.join(", ")}.`);
    }
    if (count === this.panes.length) return;
    this.renderer.setLayout(count);
    if (this.isHome) this.resetCamera(false);
    this.hasMoved = true;
    this.request();
  }

  /** For all panes; `panes[k].setLook` is for one. */
  setLook(values) {
    for (const pane of this.panes) pane.setLook(values);
  }

  setScene(scene) {
    this.renderer.setScene(scene);
    this.home = null;
    this.resetCamera(false);
    this.request();
  }

  /** In the first pane. */
  setFrame(frame, slots) {
    this.panes[0].setFrame(frame, slots);
  }

  /** Mark cells as selected, hidden or hovered: a byte each of `CELL`, or null for none. */
  setCells(flags) {
    this.renderer.setCells(flags);
    this.request();
  }

  /** Places [x, y, z, step] of the centroids in the last frames, by slot, oldest first; or null. */
  setTrails(trails) {
    for (const pane of this.panes) pane.setTrails(trails);
    this.request();
  }

  /** The trails' colour scale: {max, unit, gradient}, null where nothing has drifted. */
  get trailScale() {
    const { look, marks } = this.panes[0];
    const scale = scaleOf(marks.trails, look.trails.frames);
    return scale && { ...scale, gradient: trailGradient(look.background) };
  }

  // -- places ---------------------------------------------------------------------------------

  /** Which pane a place of the canvas lies in, or beside. */
  paneAt(x, y) {
    const away = (pane) => {
      const { x: left, y: top, width, height } = pane.rect;
      return Math.hypot(
        Math.max(left - x, x - left - width, 0),
        Math.max(top - y, y - top - height, 0),
      );
    };
    const distances = this.panes.map(away);
    return distances.indexOf(Math.min(...distances));
  }

  /** The point drawn at or next to a place of the canvas: {point, cell, pane}, or null. */
  pick(x, y) {
    const pane = this.paneAt(x, y);
    const { pixelRatio } = this.look;
    const point = this.renderer.pick(x * pixelRatio, y * pixelRatio, this.panes[pane]);
    return point < 0 ? null : { point, cell: this.renderer.scene.cellIndex[point], pane };
  }

  /** Cells with a shown point inside an outline [[x, y], ...] in a pane, also behind others. */
  cellsInside(polygon, pane = 0) {
    const { scene } = this.renderer;
    if (!scene || polygon.length < 3) return new Uint32Array(0);
    const { look, rect } = this.panes[pane];
    return cellsInside({
      scene,
      matrix: this._eye(this.panes[pane]).matrix,
      box: { left: rect.x, top: rect.y, width: rect.width, height: rect.height },
      polygon,
      isLeftOut: (cell) => this.renderer.isLeftOut(cell, look),
      moved: movedOf(scene, this.panes[pane]),
    });
  }

  /** Where a place of the scene is in the canvas; null outside the pane. */
  project([x, y, z], pane = 0) {
    const { x: left, y: top, width, height } = this.panes[pane].rect;
    const { matrix } = this._eye(this.panes[pane]);
    const at = projected(matrix, { left, top, width, height }, x, y, z);
    const isInside =
      at && at[0] >= left && at[0] <= left + width && at[1] >= top && at[1] <= top + height;
    return isInside ? at : null;
  }

  setCamera(camera) {
    this.camera = camera;
    this.hasMoved = true;
    this.request();
  }

  /** Show the whole scene from a preset's side. */
  resetCamera(animated = true, preset = "iso") {
    const { scene, shell } = this.renderer;
    if (!scene) return;
    const { walls } = this.look;
    this.isHome = preset === "iso";
    if (this.isHome) this.home ??= homeView(scene, shell, walls);
    const turned = cameras.makeCamera(this.isHome ? this.home : cameras.PRESETS[preset]);
    const framed = framedPoints(scene, shell, walls, turned);
    const { width, height } = this.panes[0].box;
    const to = cameras.fitted(turned, framed, width / height);
    if (animated && !prefersStill()) {
      this.turn = { from: this.camera, to, start: performance.now() };
      this.request();
    } else {
      this.setCamera(to);
    }
  }

  request() {
    if (this.scheduled || this.isDisposed) return;
    this.scheduled = requestAnimationFrame((now) => {
      this.scheduled = null;
      this._picture(now);
    });
  }

  /** Draw everything now, at rest. */
  drawStill() {
    for (const pane of this.panes) pane.glide = 1;
    this._draw(this.renderer.scene?.numPoints ?? 0);
  }

  pixelHash() {
    this.drawStill();
    return this.renderer.pixelHash();
  }

  toBlob() {
    this.drawStill();
    return new Promise((resolve) => this.canvas.toBlob(resolve, "image/png"));
  }

  dispose() {
    this.isDisposed = true;
    cancelAnimationFrame(this.scheduled);
    clearTimeout(this.settle);
    this.sizes.disconnect();
    this.renderer.dispose();
  }

  _relooked({ isMoved, isRewalled }) {
    if (isMoved) this.hasMoved = true;
    if (isRewalled && this.isHome) this.resetCamera(); // other walls fill the frame otherwise
    this.request();
  }

  /** Points glide only where all of them can: thinning them out for it would flicker. */
  _glides({ look }) {
    const isTooSlow = look.t > 0 && this._perPane(this.budget) < this._total();
    return !isTooSlow && !prefersStill();
  }

  _total() {
    return this.renderer.scene?.numPoints ?? 0;
  }

  _perPane(points) {
    return points / this.panes.length;
  }

  _picture(now) {
    if (this.turn) this._advanceTurn(now);
    for (const pane of this.panes) pane.advance(now);
    const glides = this.panes.filter(({ glide }) => glide < 1);
    const pointsGlide = glides.some(({ look }) => look.t > 0); // else only the votes do: cheap
    const isMoving = this.turn !== null || pointsGlide || this.hasMoved;
    if (isMoving && this.lastPicture !== null) {
      const drawn = this.drawn * this.panes.length;
      this.budget = nextBudget(this.budget, drawn, now - this.lastPicture);
    }
    this.hasMoved = false;
    const count = pointsToDraw(this._total(), this._perPane(this.budget), isMoving);
    this._draw(count);
    this.lastPicture = isMoving ? now : null;
    clearTimeout(this.settle);
    if (this.turn || glides.length) this.request();
    else if (isMoving) this.settle = setTimeout(() => this._settle(), SETTLE_MS);
  }

  /** Nothing has moved for a while: show every point, and start measuring afresh. */
  _settle() {
    if (this.scheduled) return; // not at rest: the next picture is only late
    this.lastPicture = null;
    if (this.drawn < this._total()) this.request();
  }

  _draw(count) {
    const views = this.panes.map((pane) => ({ ...this._eye(pane), ...pane.times, count }));
    this.renderer.draw(views);
    const countChanged = this.drawn !== count;
    this.drawn = count;
    this.on.onDrawn({ countChanged });
  }

  /** How a pane sees the scene. */
  _eye({ box }) {
    const bounds = this.renderer.scene?.bounds ?? { low: [0, 0, 0], high: [1, 1, 1] };
    return cameras.eyeFor(this.camera, bounds, box);
  }

  _advanceTurn(now) {
    const { from, to, start } = this.turn;
    const share = Math.min((now - start) / TURN_MS, 1);
    this.camera = cameras.mixed(from, to, smooth(share));
    if (share >= 1) this.turn = null;
  }

  _resize() {
    const ratio = Math.min(devicePixelRatio || 1, PIXEL_RATIO_CAP);
    const width = Math.max(Math.round(this.canvas.clientWidth * ratio), 1);
    const height = Math.max(Math.round(this.canvas.clientHeight * ratio), 1);
    Object.assign(this.canvas, { width, height });
    for (const { look } of this.panes) look.pixelRatio = ratio;
    this.renderer.layOut();
    if (this.isHome) this.resetCamera(false);
    this.drawStill(); // at once: a resized canvas is blank until it is drawn
  }
}

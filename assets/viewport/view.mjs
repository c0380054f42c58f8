/**
 * The canvas: camera, drawing when something changed and only then, fewer points while it moves.
 * Knows the renderer and the hands on the camera, nothing of runs and frames on a server.
 */

import * as cameras from "./camera.mjs";
import { attachControls } from "./controls.mjs";
import { make, prefersStill } from "./dom.mjs";
import { FIRST_BUDGET, nextBudget, pointsToDraw } from "./lod.mjs";
import { Renderer } from "./renderer.mjs";
import { framedPoints, homeView } from "./vantage.mjs";

const PIXEL_RATIO_CAP = 1.5;
const GLIDE_MS = 190;
const LEAST_PICTURES = 6; // of a glide, which takes longer where pictures do; else it is a jump
const TAIL_LAG = 0.4; // of a glide, by which the tails' ends start later than the marks
const TURN_MS = 180;
const SETTLE_MS = 160; // stillness before all points are drawn again

export class View {
  /** @param {{onDrawn: Function, onContext: (isLost: boolean) => void}} on */
  constructor(on) {
    this.on = on;
    this.canvas = make("canvas", { class: "vp-canvas" });
    this.renderer = new Renderer(this.canvas); // throws where there is no WebGL2
    this.camera = cameras.makeCamera();
    this.budget = FIRST_BUDGET;
    this.drawn = 0;
    this.glide = 1; // share of the way between the last two frames, 1 = at rest
    this.glidedAt = null; // time of the glide's last picture, null before its first
    this.hasMoved = false; // camera or points, since the last picture
    this.lastPicture = null; // time of the last picture, null after a rest
    this.turn = null; // {from, to, start}
    this.isHome = true; // the view that the scene opened with; fitted again when the size changes
    this.controls = attachControls(this.canvas, {
      get: () => this.camera,
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

  get look() {
    return this.renderer.look;
  }

  setLook(values) {
    const { votes, ...rest } = values;
    const rewalled = rest.walls !== undefined && rest.walls !== this.look.walls;
    if (rest.t !== undefined && rest.t !== this.look.t) this.hasMoved = true;
    Object.assign(this.look, rest);
    if (rewalled && this.isHome) this.resetCamera(); // other walls fill the frame otherwise
    if (votes && votes !== this.look.votes) {
      this.renderer.setVotes(votes);
      this._startGlide();
    }
    this.request();
  }

  setScene(scene) {
    this.renderer.setScene(scene);
    this.home = null;
    this.resetCamera(false);
    this.request();
  }

  setFrame(frame, slots) {
    const isFirst = !this.renderer.frame;
    this.renderer.setFrame(frame, slots);
    if (isFirst) this.glide = 1;
    else this._startGlide();
    this.request();
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
    const to = cameras.fitted(turned, framed, this._aspect());
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
    this._draw(1, 1, this.renderer.scene?.numPoints ?? 0);
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

  /** Points glide only where all of them can: thinning them out for it would flicker. */
  _startGlide() {
    const isTooSlow = this.look.t > 0 && this.budget < (this.renderer.scene?.numPoints ?? 0);
    this.glide = isTooSlow || prefersStill() ? 1 : 0;
    this.glidedAt = null;
  }

  _picture(now) {
    if (this.turn) this._advanceTurn(now);
    const glide = this._advanceGlide(now);
    const tail = Math.max(glide - TAIL_LAG, 0) / (1 - TAIL_LAG);
    const pointsGlide = glide < 1 && this.look.t > 0; // else only the votes do, which is cheap
    const isMoving = this.turn !== null || pointsGlide || this.hasMoved;
    const total = this.renderer.scene?.numPoints ?? 0;
    if (isMoving && this.lastPicture !== null) {
      this.budget = nextBudget(this.budget, this.drawn, now - this.lastPicture);
    }
    this.hasMoved = false;
    this._draw(smooth(glide), smooth(tail), pointsToDraw(total, this.budget, isMoving));
    this.lastPicture = isMoving ? now : null;
    clearTimeout(this.settle);
    if (this.turn || glide < 1) this.request();
    else if (isMoving) this.settle = setTimeout(() => this._settle(), SETTLE_MS);
  }

  /** Nothing has moved for a while: show every point, and start measuring afresh. */
  _settle() {
    if (this.scheduled) return; // not at rest: the next picture is only late
    this.lastPicture = null;
    if (this.drawn < (this.renderer.scene?.numPoints ?? 0)) this.request();
  }

  _draw(glide, tail, count) {
    const { canvas, camera, renderer } = this;
    const clip = cameras.clipRange(
      camera,
      renderer.scene?.bounds ?? { low: [0, 0, 0], high: [1, 1, 1] },
    );
    const projection = cameras.projectionMatrix(camera, this._aspect(), clip.near, clip.far);
    const matrix = cameras.multiply(projection, cameras.viewMatrix(camera));
    const focal = canvas.height / (2 * Math.tan(camera.fov / 2));
    const eye = cameras.eyeOf(camera);
    const { distance } = camera;
    renderer.draw({ matrix, clip, focal, distance, eye, glide, tail, count });
    const changed = this.drawn !== count;
    this.drawn = count;
    this.on.onDrawn({ countChanged: changed });
  }

  _advanceGlide(now) {
    const share = (now - (this.glidedAt ?? now)) / GLIDE_MS;
    this.glide = Math.min(this.glide + Math.min(share, 1 / LEAST_PICTURES), 1);
    this.glidedAt = now;
    return this.glide;
  }

  _advanceTurn(now) {
    const { from, to, start } = this.turn;
    const share = Math.min((now - start) / TURN_MS, 1);
    this.camera = cameras.mixed(from, to, smooth(share));
    if (share >= 1) this.turn = null;
  }

  _aspect() {
    return Math.max(this.canvas.clientWidth, 1) / Math.max(this.canvas.clientHeight, 1);
  }

  _resize() {
    const ratio = Math.min(devicePixelRatio || 1, PIXEL_RATIO_CAP);
    const width = Math.max(Math.round(this.canvas.clientWidth * ratio), 1);
    const height = Math.max(Math.round(this.canvas.clientHeight * ratio), 1);
    Object.assign(this.canvas, { width, height });
    this.look.pixelRatio = ratio;
    if (this.isHome) this.resetCamera(false);
    this.drawStill(); // at once: a resized canvas is blank until it is drawn
  }
}

function smooth(share) {
  return share * share * (3 - 2 * share);
}

/**
 * One of the pictures in the canvas: a frame of the scene, how it is looked at, and where it lies.
 * Panes share the camera, the scene and the context; each keeps the arrays it was given, so that
 * it can be built again in a new context.
 */

import { TableTexture, UNITS } from "./gl.mjs";
import { Marks } from "./centroids.mjs";
import { displacementOf } from "./records.mjs";

export const LAYOUTS = [1, 2, 4];

const GLIDE_MS = 190;
const LEAST_PICTURES = 6; // of a glide, which takes longer where pictures do; else it is a jump
const TAIL_LAG = 0.4; // of a glide, by which the tails' ends start later than the marks
const GAP = 2; // pixels between panes at pixel ratio 1

const FIRST_LOOK = {
  t: 0,
  colouring: "input",
  votes: "before",
  walls: "all",
  centroids: true,
  arrows: [],
  trails: { frames: 24 },
  size: 1,
  pixelRatio: 1,
  background: [11, 14, 18],
  unassigned: [125, 135, 147],
  voteColor: [86, 180, 233],
  targetColor: [240, 228, 66],
  arrowColors: { before: [86, 180, 233], after: [0, 158, 115], target: [240, 228, 66] },
  planeColor: [76, 141, 214],
};

/**
 * Boxes of 1, 2 or 4 panes, row by row from the top: {x, y, width, height} in pixels from the
 * canvas' top left corner. Two lie side by side, or in a tall canvas on top of each other.
 */
export function paneBoxes(count, width, height, pixelRatio = 1) {
  const gap = Math.round(GAP * pixelRatio);
  const columns = count === 1 || (count === 2 && height > width) ? 1 : 2;
  const rows = count / columns;
  const wide = (width - gap * (columns - 1)) / columns;
  const high = (height - gap * (rows - 1)) / rows;
  return Array.from({ length: count }, (_, k) => {
    const [column, row] = [k % columns, Math.floor(k / columns)];
    const [x, y] = [Math.round(column * (wide + gap)), Math.round(row * (high + gap))];
    const [right, bottom] = [column * (wide + gap) + wide, row * (high + gap) + high];
    const extent = (from, to) => Math.max(Math.round(to) - from, 1);
    return { x, y, width: extent(x, right), height: extent(y, bottom) };
  });
}

export class Pane {
  /**
   * @param {object} renderer
   * @param {{relooked: Function, glides: (pane: Pane) => boolean}} host told of changes; says
   *   whether points may glide to a new frame
   */
  constructor(renderer, host) {
    this.renderer = renderer;
    this.host = host;
    this.look = { ...FIRST_LOOK };
    this.frame = null;
    this.slots = null; // colour slot of each pseudo-instance
    this.version = 0; // of what the frame and its votes say
    this.glide = 1; // share of the way between the last two frames, 1 = at rest
    this.glidedAt = null; // time of the glide's last picture, null before its first
    this.marks = new Marks();
    this.build();
  }

  /** Where it lies in the canvas, in css pixels. */
  get rect() {
    const { pixelRatio } = this.look;
    const { x, y, width, height } = this.box;
    return {
      x: x / pixelRatio,
      y: y / pixelRatio,
      width: width / pixelRatio,
      height: height / pixelRatio,
    };
  }

  /** Its textures; also in a new context. */
  build() {
    const { gl } = this.renderer;
    this.textures = Object.fromEntries(
      [
        ["u_instance", "id"],
        ["u_displacement", "half3"],
        ["u_displacement_before", "half3"],
        ["u_cell_color", "rgba"],
      ].map(([name, kind]) => [name, new TableTexture(gl, name, kind)]),
    );
    this.forget();
    if (this.frame) this._upload();
  }

  /** Nothing of it is in the picture. */
  forget() {
    this.pointsKey = ""; // what the points in the picture depend on
    this.colorKey = ""; // the colours of the cells
    this.shadeKey = ""; // the colours in the still
  }

  clear() {
    this.frame = null;
    this.slots = null;
    this.version += 1;
    this.marks.clear();
  }

  dispose() {
    for (const texture of Object.values(this.textures)) texture.dispose();
  }

  bind() {
    for (const texture of Object.values(this.textures)) texture.bind();
  }

  /** Show the same as another pane. */
  copy(other) {
    Object.assign(this.look, other.look);
    if (other.frame) this.setFrame(other.frame, other.slots);
    this.setTrails(other.marks.trails);
  }

  /** Take a frame; the last one stays as the start of the glide. */
  setFrame(frame, slots) {
    const isFirst = !this.frame;
    this.frame = frame;
    this.slots = slots;
    this._upload();
    this.marks.setFrame(this.renderer.scene, frame, slots);
    if (isFirst) this.glide = 1;
    else this._startGlide();
    this.host.relooked(this, {});
  }

  /** Other votes of the same frame are a glide too. */
  setLook(values) {
    const { look } = this;
    const { t, votes, walls } = look;
    Object.assign(look, values);
    const isMoved = look.t !== t;
    const isRewalled = look.walls !== walls;
    if (look.votes !== votes && this.frame) {
      this._moveDisplacement();
      this._startGlide();
    }
    this.host.relooked(this, { isMoved, isRewalled });
  }

  setTrails(trails) {
    this.marks.trails = trails ?? new Map();
  }

  /** Where marks and the ends of their tails are on the way between the last two frames. */
  get times() {
    const tail = Math.max(this.glide - TAIL_LAG, 0) / (1 - TAIL_LAG);
    return { glide: smooth(this.glide), tail: smooth(tail) };
  }

  /** Move on along that way. */
  advance(now) {
    const share = (now - (this.glidedAt ?? now)) / GLIDE_MS;
    this.glide = Math.min(this.glide + Math.min(share, 1 / LEAST_PICTURES), 1);
    this.glidedAt = now;
  }

  _upload() {
    this._moveDisplacement();
    this.textures.u_instance.upload("id", this.frame.instance);
  }

  _moveDisplacement() {
    const { u_displacement: now, u_displacement_before: before } = this.textures;
    before.unit = UNITS.u_displacement;
    now.unit = UNITS.u_displacement_before;
    this.textures.u_displacement = before;
    this.textures.u_displacement_before = now;
    const { votes } = this.look;
    const kind = votes === "target" ? "float3" : "half3";
    before.upload(kind, displacementOf(this.renderer.scene, this.frame, votes));
    this.version += 1;
  }

  _startGlide() {
    this.glide = this.host.glides(this) ? 0 : 1;
    this.glidedAt = null;
  }
}

/** 0 to 1, slow at both ends. */
export function smooth(share) {
  return share * share * (3 - 2 * share);
}

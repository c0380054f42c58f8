/** The second pass: what colour the point of each pixel has, with eye-dome lighting. */

import { cellTexels } from "./cell_colors.mjs";
import { TableTexture, makeProgram } from "./gl.mjs";
import { heightRamp } from "./palette.mjs";
import { tintOf } from "./records.mjs";
import { POINT_COLUMNS, SCREEN_VERTEX, SOURCE, shadeFragment } from "./shaders.mjs";

const SOURCES = { input: SOURCE.tint, truth: SOURCE.tint, height: SOURCE.height }; // else the cell
const LIGHT = [1, 1, 1]; // what is hovered is outlined in, on a dark canvas
const DARK = [0.06, 0.08, 0.11];

export class ShadeLayer {
  constructor(gl) {
    this.gl = gl;
    this.plain = makeProgram(gl, SCREEN_VERTEX, shadeFragment(false));
    this.outlined = null; // made when something is hovered
    this.tints = {}; // by kind: {texture, key}
    new TableTexture(gl, "u_ramp", "rgba").upload("rgba", heightRamp());
  }

  setScene(scene) {
    this.scene = scene;
    for (const tint of Object.values(this.tints)) tint.key = "";
  }

  /** What a pane's cells look like now. */
  color(pane, colouring, flags) {
    const { frame, look, slots } = pane;
    const texels = cellTexels({ colouring, scene: this.scene, frame, slots, flags, look });
    pane.textures.u_cell_color.upload("rgba", texels);
  }

  /** @param {number[]} part the pane's: first column and row from below, width, height */
  draw({ look }, { clip, eye, rise }, part, { colouring, hasHover }) {
    const { gl, scene } = this;
    if (scene) this._tint(look, colouring);
    if (hasHover) this.outlined ??= makeProgram(gl, SCREEN_VERTEX, shadeFragment(true));
    const { handle, at } = hasHover ? this.outlined : this.plain;
    const [left, bottom, width, height] = part;
    gl.useProgram(handle);
    gl.uniform4i(at.u_box, left, bottom, left + width - 1, bottom + height - 1);
    gl.uniform2f(at.u_clip, clip.near, clip.far);
    gl.uniform1i(at.u_source, SOURCES[colouring] ?? SOURCE.cell);
    gl.uniform1f(at.u_unassigned_share, look.votes === "target" ? look.t : 0);
    gl.uniform3f(at.u_height, eye[2], ...rise);
    gl.uniform2f(at.u_height_range, scene?.core.low[2] ?? 0, scene?.core.high[2] ?? 1);
    gl.uniform3fv(at.u_background, unit(look.background));
    gl.uniform3fv(at.u_unassigned, unit(look.unassigned));
    gl.uniform3fv(at.u_highlight, look.background[0] < 128 ? LIGHT : DARK);
    gl.uniform1i(at.u_radius, Math.max(Math.round(look.pixelRatio), 1));
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /** Colours that belong to points, uploaded when they are first asked for. */
  _tint({ unassigned }, colouring) {
    const { gl, scene } = this;
    const kind = colouring === "truth" ? "truth" : "input";
    this.tints[kind] ??= {
      texture: new TableTexture(gl, "u_tint", "rgb", POINT_COLUMNS),
      key: "",
    };
    const tint = this.tints[kind];
    tint.texture.bind();
    const isAsked = SOURCES[colouring] === SOURCE.tint;
    const key = `${scene.id} ${kind === "truth" ? unassigned : ""}`;
    if (!isAsked || key === tint.key) return;
    tint.texture.upload("rgb", tintOf(scene, kind, unassigned));
    tint.key = key;
  }
}

function unit(color) {
  return color.map((value) => value / 255);
}

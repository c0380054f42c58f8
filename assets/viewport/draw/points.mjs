/** The first pass: every point as a square or a disc, which leaves its number and its cell. */

import { FLAG } from "./cutaway.mjs";
import { TableTexture, makeProgram } from "./gl.mjs";
import { sizeFactor } from "./lod.mjs";
import { DISC_PIXELS, pointsFragment, pointsVertex } from "./shaders.mjs";

/** Cells whose walls' flag is below this are drawn. */
export const WALL_FLAGS = { all: FLAG.cut + 1, cut: FLAG.cut, hidden: FLAG.plane };

const SPREAD = 1.9; // a point's width over the points' spacing; closes randomly sampled surfaces
const LEAST_POINT = 1.6; // css pixels
const LARGEST_POINT = 10; // css pixels at size 1

/** How large points are: `width` in metres, `least` and `most` pixels, the `largest` in sight. */
export function sizesOf(scene, { size, pixelRatio }, { count, focal, clip }) {
  const width = scene.spacing * SPREAD * size * sizeFactor(scene.numPoints, count);
  const least = LEAST_POINT * pixelRatio;
  const most = LARGEST_POINT * pixelRatio * Math.max(size, 1);
  const largest = Math.max(Math.min((width * focal) / clip.near, most), least);
  return { width, least, most, largest };
}

export class PointLayer {
  constructor(gl) {
    this.gl = gl;
    this.discs = makeProgram(gl, pointsVertex(true), pointsFragment(true));
    this.squares = makeProgram(gl, pointsVertex(false), pointsFragment(false));
    this.cellCoord = new TableTexture(gl, "u_cell_coord", "coord");
    this.array = gl.createVertexArray();
    this.buffers = { coord: gl.createBuffer(), cell: gl.createBuffer() };
  }

  setScene(scene) {
    const { buffers, gl } = this;
    this.scene = scene;
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
    this.cellCoord.upload("coord", scene.cellCoord);
  }

  /** @param {boolean} anyHidden whether any cell is hidden, walls apart */
  draw({ frame, look }, view, anyHidden) {
    const { gl, scene } = this;
    const { width, least, most, largest } = sizesOf(scene, look, view);
    const { handle, at } = largest > DISC_PIXELS ? this.discs : this.squares;
    gl.useProgram(handle);
    gl.uniformMatrix4fv(at.u_matrix, false, view.matrix);
    gl.uniform1f(at.u_scale, scene.scale);
    gl.uniform1f(at.u_t, frame ? look.t : 0);
    gl.uniform1f(at.u_glide, view.glide);
    gl.uniform1i(at.u_is_target, look.votes === "target" && frame ? 1 : 0);
    gl.uniform1i(at.u_leaves_out, look.walls !== "all" || anyHidden ? 1 : 0);
    gl.uniform1ui(at.u_walls_from, WALL_FLAGS[look.walls]);
    gl.uniform1f(at.u_size, width);
    gl.uniform1f(at.u_pixels, view.focal);
    gl.uniform2f(at.u_size_range, least, most);
    gl.bindVertexArray(this.array);
    gl.drawArrays(gl.POINTS, 0, view.count);
    gl.bindVertexArray(null);
  }
}

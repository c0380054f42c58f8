/** The little of WebGL2 that every layer needs: programs, cell textures, the off-screen target. */

import { CELL_COLUMNS } from "./shaders.mjs";

/** Fixed texture units, so that a texture is bound once and every program finds it. */
export const UNITS = {
  u_cell_coord: 0,
  u_cell_state: 1,
  u_instance: 2,
  u_displacement: 3,
  u_displacement_before: 4,
  u_cell_color: 5,
  u_ramp: 6,
  u_tint: 7,
  u_owners: 8,
  u_depth: 9,
};

/** A linked program with its uniforms by name; its samplers know their units. */
export function makeProgram(gl, vertexSource, fragmentSource) {
  const handle = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, vertexSource],
    [gl.FRAGMENT_SHADER, fragmentSource],
  ]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(handle, shader);
    gl.deleteShader(shader);
  }
  gl.linkProgram(handle);
  if (!gl.getProgramParameter(handle, gl.LINK_STATUS) && !gl.isContextLost()) {
    const logs = gl.getAttachedShaders(handle).map((shader) => gl.getShaderInfoLog(shader));
    throw new Error(
      `a shader did not compile: ${[...logs, gl.getProgramInfoLog(handle)].join(" ")}`,
    );
  }
  const at = {};
  const count = gl.getProgramParameter(handle, gl.ACTIVE_UNIFORMS) ?? 0;
  gl.useProgram(handle);
  for (let k = 0; k < count; k++) {
    const { name } = gl.getActiveUniform(handle, k);
    at[name] = gl.getUniformLocation(handle, name);
    if (name in UNITS) gl.uniform1i(at[name], UNITS[name]);
  }
  return { handle, at };
}

/** Formats by what a row of a table holds: [internal format, format, type, array, channels]. */
function layoutOf(gl, kind) {
  return {
    coord: [gl.RGB16UI, gl.RGB_INTEGER, gl.UNSIGNED_SHORT, Uint16Array, 3],
    flag: [gl.R8UI, gl.RED_INTEGER, gl.UNSIGNED_BYTE, Uint8Array, 1],
    id: [gl.R16I, gl.RED_INTEGER, gl.SHORT, Int16Array, 1],
    half3: [gl.RGB16F, gl.RGB, gl.HALF_FLOAT, Uint16Array, 3],
    float3: [gl.RGB32F, gl.RGB, gl.FLOAT, Float32Array, 3],
    rgb: [gl.RGB8, gl.RGB, gl.UNSIGNED_BYTE, Uint8Array, 3],
    rgba: [gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, Uint8Array, 4],
  }[kind];
}

/** A texture that is read texel by texel, bound to its unit. */
class PlainTexture {
  constructor(gl, unitName) {
    this.gl = gl;
    this.unit = UNITS[unitName];
    this.handle = gl.createTexture();
    this.bind();
    for (const [name, value] of [
      [gl.TEXTURE_MIN_FILTER, gl.NEAREST],
      [gl.TEXTURE_MAG_FILTER, gl.NEAREST],
      [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE],
      [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
    ]) {
      gl.texParameteri(gl.TEXTURE_2D, name, value);
    }
  }

  bind(unit = this.unit) {
    this.unit = unit;
    this.gl.activeTexture(this.gl.TEXTURE0 + unit);
    this.gl.bindTexture(this.gl.TEXTURE_2D, this.handle);
  }

  dispose() {
    this.gl.deleteTexture(this.handle);
  }
}

/** A texture of values in rows of `columns`, empty until it is filled with `upload`. */
export class TableTexture extends PlainTexture {
  constructor(gl, unitName, kind, columns = CELL_COLUMNS) {
    super(gl, unitName);
    this.columns = columns;
    this.upload(kind, new (layoutOf(gl, kind)[3])(layoutOf(gl, kind)[4]));
  }

  upload(kind, data) {
    const { gl } = this;
    const [internal, format, type, ArrayType, channels] = layoutOf(gl, kind);
    const count = data.length / channels;
    const columns = Math.max(Math.min(count, this.columns), 1);
    const rows = Math.max(Math.ceil(count / this.columns), 1);
    let texels = data;
    if (data.length !== columns * rows * channels) {
      texels = new ArrayType(columns * rows * channels);
      texels.set(data);
    }
    this.bind();
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, internal, columns, rows, 0, format, type, texels);
  }
}

/** Which point of which cell each pixel shows, and how deep it lies; colours and picks read it. */
export class Target {
  constructor(gl) {
    this.gl = gl;
    this.width = 0;
    this.height = 0;
    this.owners = new PlainTexture(gl, "u_owners");
    this.depth = new PlainTexture(gl, "u_depth");
    this.handle = gl.createFramebuffer();
  }

  /** True if it had another size, so that nothing is in it. */
  resize(width, height) {
    if (width === this.width && height === this.height) return false;
    const { gl } = this;
    [this.width, this.height] = [width, height];
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.handle);
    for (const [texture, slot, layout] of [
      [this.owners, gl.COLOR_ATTACHMENT0, [gl.RG32UI, gl.RG_INTEGER, gl.UNSIGNED_INT]],
      [
        this.depth,
        gl.DEPTH_ATTACHMENT,
        [gl.DEPTH_COMPONENT24, gl.DEPTH_COMPONENT, gl.UNSIGNED_INT],
      ],
    ]) {
      const [internal, format, type] = layout;
      texture.bind();
      gl.texImage2D(gl.TEXTURE_2D, 0, internal, width, height, 0, format, type, null);
      gl.framebufferTexture2D(gl.FRAMEBUFFER, slot, gl.TEXTURE_2D, texture.handle, 0);
    }
    return true;
  }

  /** Points plus one of a square of pixels around (x, y), rows upwards; 0 where nothing is. */
  read(x, y, reach) {
    const { gl } = this;
    const edge = 2 * reach + 1;
    const texels = new Uint32Array(4 * edge * edge);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.handle);
    gl.readPixels(x - reach, y - reach, edge, edge, gl.RGBA_INTEGER, gl.UNSIGNED_INT, texels);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    return Uint32Array.from({ length: edge * edge }, (_, k) => texels[4 * k]);
  }
}

/** A finished picture that is put on screen again and again while only what lies over it moves. */
export class Still {
  constructor(gl) {
    this.gl = gl;
    this.width = 0;
    this.height = 0;
    this.pixels = gl.createRenderbuffer();
    this.handle = gl.createFramebuffer();
  }

  resize(width, height) {
    if (width === this.width && height === this.height) return;
    const { gl } = this;
    [this.width, this.height] = [width, height];
    gl.bindRenderbuffer(gl.RENDERBUFFER, this.pixels);
    gl.renderbufferStorage(gl.RENDERBUFFER, gl.RGBA8, width, height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.handle);
    const { FRAMEBUFFER, COLOR_ATTACHMENT0, RENDERBUFFER } = gl;
    gl.framebufferRenderbuffer(FRAMEBUFFER, COLOR_ATTACHMENT0, RENDERBUFFER, this.pixels);
  }

  /** Put it on screen, and make the screen what is drawn into. */
  show() {
    const { gl, width, height } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.clear(gl.COLOR_BUFFER_BIT); // browsers clear the screen themselves, else after the copy
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, this.handle);
    const box = [0, 0, width, height];
    gl.blitFramebuffer(...box, ...box, gl.COLOR_BUFFER_BIT, gl.NEAREST);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }
}

/** FNV-1a over the bytes, as eight hexadecimal digits. */
export function hashBytes(data) {
  let hash = 0x811c9dc5;
  for (let k = 0; k < data.length; k++) hash = Math.imul(hash ^ data[k], 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/**
 * Reads safetensors: a little-endian uint64 header length, a JSON header, then raw arrays.
 *
 * Arrays are views into the buffer wherever their byte offset is aligned, so a frame of half a
 * megabyte is ready for the GPU without a copy. Half floats stay as their 16 bits (`Uint16Array`):
 * WebGL2 takes them as they are; `halfToFloat` is for the few numbers the processor needs.
 */

const ARRAY_TYPES = {
  BOOL: Uint8Array,
  U8: Uint8Array,
  I8: Int8Array,
  U16: Uint16Array,
  I16: Int16Array,
  F16: Uint16Array,
  U32: Uint32Array,
  I32: Int32Array,
  F32: Float32Array,
  F64: Float64Array,
};

/** A file that is not safetensors, or was cut off on its way. */
export class SafetensorsError extends Error {}

/**
 * @param {ArrayBuffer} buffer
 * @returns {{metadata: Object<string, string>,
 *   arrays: Object<string, {dtype: string, shape: number[], data: ArrayBufferView}>}}
 */
export function parseSafetensors(buffer) {
  const { header, start } = readHeader(buffer);
  const { __metadata__: metadata = {}, ...entries } = header;
  const arrays = {};
  for (const [name, entry] of Object.entries(entries)) {
    arrays[name] = readArray(buffer, start, name, entry);
  }
  return { metadata, arrays };
}

function readHeader(buffer) {
  if (buffer.byteLength < 8) {
    throw new SafetensorsError(`${buffer.byteLength} bytes are too few for a safetensors file.`);
  }
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  if (length > buffer.byteLength - 8) {
    throw new SafetensorsError(
      `the header should be ${length} bytes long, but only ${buffer.byteLength - 8} follow.`,
    );
  }
  try {
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
    if (header === null || typeof header !== "object" || Array.isArray(header)) {
      throw new SyntaxError("not an object");
    }
    return { header, start: 8 + length };
  } catch (error) {
    throw new SafetensorsError(`the header is not a JSON object (${error.message}).`);
  }
}

function readArray(buffer, start, name, { dtype, shape, data_offsets: offsets }) {
  const ArrayType = ARRAY_TYPES[dtype];
  if (!ArrayType) {
    throw new SafetensorsError(`${name} has type ${dtype}, which a browser view cannot hold.`);
  }
  const count = shape.reduce((product, size) => product * size, 1);
  const [from, to] = offsets;
  if (from < 0 || to - from !== count * ArrayType.BYTES_PER_ELEMENT) {
    throw new SafetensorsError(
      `${name} of shape (${shape}) and type ${dtype} does not fill bytes ${from} to ${to}.`,
    );
  }
  if (start + to > buffer.byteLength) {
    throw new SafetensorsError(
      `${name} ends at byte ${start + to}, but the file has ${buffer.byteLength}.`,
    );
  }
  const begin = start + from;
  const isAligned = begin % ArrayType.BYTES_PER_ELEMENT === 0;
  const data = isAligned
    ? new ArrayType(buffer, begin, count)
    : new ArrayType(buffer.slice(begin, start + to));
  return { dtype, shape, data };
}

/** Value of an IEEE 754 half float, given as its 16 bits. */
export function halfToFloat(bits) {
  return halves()[bits];
}

/** Single precision of half floats given as their bits; other arrays as they are. */
export function toFloats(values) {
  if (!(values instanceof Uint16Array)) return values;
  const known = halves();
  const floats = new Float32Array(values.length);
  for (let k = 0; k < floats.length; k++) floats[k] = known[values[k]];
  return floats;
}

let table = null; // of all 65,536 half floats, made at the first use

function halves() {
  table ??= Float32Array.from({ length: 65536 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24; // zero and subnormals
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
  return table;
}

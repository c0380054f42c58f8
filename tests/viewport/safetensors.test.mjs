import assert from "node:assert/strict";
import { test } from "node:test";

import {
  SafetensorsError,
  halfToFloat,
  parseSafetensors,
} from "../../assets/viewport/draw/safetensors.mjs";

/** A safetensors file of [name, dtype, shape, bytes] rows; `pad` adds spaces to the header. */
function makeFile(rows, { metadata = {}, pad = 0 } = {}) {
  const header = { __metadata__: metadata };
  let end = 0;
  for (const [name, dtype, shape, bytes] of rows) {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes.byteLength] };
    end += bytes.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header) + " ".repeat(pad));
  const file = new Uint8Array(8 + text.length + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  let at = 8 + text.length;
  for (const [, , , bytes] of rows) {
    file.set(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), at);
    at += bytes.byteLength;
  }
  return file.buffer;
}

function padTo(rows, remainder) {
  for (let pad = 0; pad < 8; pad++) {
    const file = makeFile(rows, { pad });
    if ((8 + Number(new DataView(file).getBigUint64(0, true))) % 8 === remainder) return file;
  }
  throw new Error("no padding fits");
}

const ROWS = [
  ["centroid", "F32", [2, 3], Float32Array.from([1, 2, 3, -4, 5.5, 6])],
  ["id", "I16", [3], Int16Array.from([-1, 0, 300])],
  ["flag", "U8", [5], Uint8Array.from([1, 0, 1, 1, 0])],
];

test("arrays and metadata come back as they were written", () => {
  const { arrays, metadata } = parseSafetensors(makeFile(ROWS, { metadata: { step: "40" } }));
  assert.deepEqual(Object.keys(arrays), ["centroid", "id", "flag"]);
  for (const [name, dtype, shape, data] of ROWS) {
    assert.equal(arrays[name].dtype, dtype);
    assert.deepEqual(arrays[name].shape, shape);
    assert.deepEqual(arrays[name].data, data);
  }
  assert.equal(metadata.step, "40");
});

test("aligned arrays are views of the file, misaligned ones are right all the same", () => {
  const aligned = padTo(ROWS, 0);
  assert.equal(parseSafetensors(aligned).arrays.centroid.data.buffer, aligned);
  for (const remainder of [1, 2, 3, 5, 7]) {
    const { arrays } = parseSafetensors(padTo(ROWS, remainder));
    assert.deepEqual(arrays.centroid.data, ROWS[0][3]);
    assert.deepEqual(arrays.id.data, ROWS[1][3]);
  }
});

test("half floats stay as their bits", () => {
  const bits = Uint16Array.from([0x3c00, 0xc000]);
  const { arrays } = parseSafetensors(makeFile([["offset", "F16", [2], bits]]));
  assert.deepEqual(arrays.offset.data, bits);
});

test("a file cut off at any byte is refused", () => {
  const whole = makeFile(ROWS);
  for (let length = 0; length < whole.byteLength; length++) {
    assert.throws(
      () => parseSafetensors(whole.slice(0, length)),
      SafetensorsError,
      `${length} bytes`,
    );
  }
});

test("a header that is not an object, or lies about its arrays, is refused with a sentence", () => {
  const withHeader = (text) => {
    const bytes = new TextEncoder().encode(text);
    const file = new Uint8Array(8 + bytes.length + 8);
    new DataView(file.buffer).setBigUint64(0, BigInt(bytes.length), true);
    file.set(bytes, 8);
    return file.buffer;
  };
  const cases = [
    ["{not json", /not a JSON object/],
    ["[1, 2]", /not a JSON object/],
    ['{"a":{"dtype":"F8","shape":[1],"data_offsets":[0,1]}}', /type F8/],
    ['{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}', /does not fill/],
    ['{"a":{"dtype":"U8","shape":[8],"data_offsets":[-8,0]}}', /does not fill/],
    ['{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}', /ends at byte/],
  ];
  for (const [text, pattern] of cases) {
    assert.throws(() => parseSafetensors(withHeader(text)), pattern, text);
  }
});

test("half floats have their IEEE values", () => {
  const values = [
    [0x0000, 0],
    [0x3c00, 1],
    [0xc000, -2],
    [0x3555, 0.333251953125],
    [0x7bff, 65504], // the largest
    [0x0400, 2 ** -14], // the smallest normal one
    [0x03ff, 1023 * 2 ** -24], // the largest subnormal one
    [0x0001, 2 ** -24],
    [0x8001, -(2 ** -24)],
    [0x7c00, Infinity],
    [0xfc00, -Infinity],
  ];
  for (const [bits, value] of values) assert.equal(halfToFloat(bits), value, bits.toString(16));
  assert.ok(Object.is(halfToFloat(0x8000), -0));
  assert.ok(Number.isNaN(halfToFloat(0x7e00)));
  assert.ok(Number.isNaN(halfToFloat(0x7c01)));
});

test("all finite half floats rise with their bits", () => {
  for (let bits = 1; bits < 0x7c00; bits++) {
    assert.ok(halfToFloat(bits) > halfToFloat(bits - 1));
    assert.equal(halfToFloat(bits | 0x8000), -halfToFloat(bits));
  }
});

/**
 * Words inside a picture: text chunks of a PNG (PNG specification, sections 11.3.3 and 5.5), so
 * that a saved picture says what it shows. Bytes in, bytes out.
 */

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const HEAD_END = 33; // signature, and the IHDR chunk that comes first

let table = null;

/** The checksum of a chunk: CRC-32 over its type and data. */
export function crc32(bytes) {
  table ??= Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c >>> 0;
  });
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/**
 * The picture with a text for each key: `tEXt` where Latin-1 can say it, else `iTXt` in UTF-8.
 * @param {Uint8Array} png
 * @param {Record<string, string>} texts keys of 1 to 79 Latin letters
 * @returns {Uint8Array}
 */
export function withTexts(png, texts) {
  if (SIGNATURE.some((byte, k) => png[k] !== byte)) throw new Error("These bytes are not a PNG.");
  const chunks = Object.entries(texts).map(([key, text]) => textChunk(key, String(text)));
  const size = chunks.reduce((sum, chunk) => sum + chunk.length, png.length);
  const out = new Uint8Array(size);
  out.set(png.subarray(0, HEAD_END));
  let at = HEAD_END;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  out.set(png.subarray(HEAD_END), at);
  return out;
}

function textChunk(key, text) {
  const isLatin = [...text].every((letter) => letter.codePointAt(0) < 256 && letter !== "\0");
  const body = isLatin
    ? Uint8Array.from(text, (letter) => letter.charCodeAt(0))
    : new TextEncoder().encode(text.replaceAll("\0", ""));
  const head = [...key]
    .map((letter) => letter.charCodeAt(0))
    .concat(isLatin ? [0] : [0, 0, 0, 0, 0]);
  return chunk(isLatin ? "tEXt" : "iTXt", head, body);
}

function chunk(type, head, body) {
  const size = head.length + body.length;
  const out = new Uint8Array(size + 12);
  const numbers = new DataView(out.buffer);
  numbers.setUint32(0, size);
  out.set(
    [...type].map((letter) => letter.charCodeAt(0)),
    4,
  );
  out.set(head, 8);
  out.set(body, 8 + head.length);
  numbers.setUint32(8 + size, crc32(out.subarray(4, 8 + size)));
  return out;
}

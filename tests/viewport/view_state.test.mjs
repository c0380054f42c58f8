import assert from "node:assert/strict";
import { test } from "node:test";

import { readView, writeView } from "../../assets/viewport/page/address.mjs";
import { fit, fitting } from "../../assets/viewport/page/command_palette.mjs";
import { COMMANDS, commandsOf } from "../../assets/viewport/page/keys.mjs";
import { crc32, withTexts } from "../../assets/viewport/page/png_text.mjs";

const COLOURINGS = ["input", "segment", "instance"];
const VIEW = {
  scene: "room_0001",
  step: 120,
  colouring: "instance",
  walls: "cut",
  t: 0.25,
  size: 2 ** 0.25,
  camera: { target: [1 / 3, -2e-7, 0.25], distance: 12.5, yaw: -Math.PI / 3, pitch: 0.63 },
  votes: "after",
  centroids: false,
  arrows: ["before", "target"],
  trailFrames: 0,
  panes: "odr",
  compared: 40,
  slots: Int32Array.of(0, 35, 36, 1295),
  hidden: ["segment:3", "object:12"],
  isolated: "object:35",
  picked: 77,
  selection: { rule: { kind: "length", which: "before", low: 0.8, high: 1.1, step: 120 } },
  tool: "lasso",
};

test("a view comes back from its address, its camera and size to the last digit", () => {
  assert.deepEqual(readView(writeView(VIEW), COLOURINGS), VIEW);
});

test("every kind of selection comes back", () => {
  for (const selection of [
    { rule: { kind: "segment", segment: 3, step: 40 } },
    { rule: { kind: "instance", row: 0, step: 0 } },
    { rule: { kind: "cells" }, runs: "-_a9" },
  ]) {
    const { selection: read } = readView(writeView({ ...VIEW, selection }), COLOURINGS);
    assert.deepEqual(read, selection);
  }
});

test("following the newest frame is a view of its own", () => {
  const text = writeView({ ...VIEW, step: null });
  assert.match(text, /step=live/);
  assert.equal(readView(text, COLOURINGS).step, null);
});

test("an address that makes no sense asks for nothing", () => {
  const text =
    "#step=-3&votes=best&panes=nine&slots=0&hidden=all,object:x&isolated=7&picked=1.5" +
    "&selection=length,before,2,1,40&tool=hammer&compare=soon&arrows=up&trails=9999";
  assert.deepEqual(readView(text, COLOURINGS), {});
  for (const selection of [
    "cells",
    "cells,a,b",
    "segment,x,4",
    "instance,1",
    "magic,1,2",
    "length,1",
  ]) {
    assert.deepEqual(readView(`#selection=${selection}`, COLOURINGS), {});
  }
  assert.deepEqual(readView("#slots=0101", COLOURINGS), {}, "no two objects share a slot");
});

test("no key asks for two things on one page, and every command has words", () => {
  for (const page of ["run", "scene"]) {
    const keys = commandsOf(page).flatMap((command) => command.keys);
    assert.equal(new Set(keys).size, keys.length);
  }
  for (const { text, group, keys, name } of COMMANDS)
    assert.ok(text && group && (name || keys.length));
});

test("letters find what they stand in, words before scattered letters", () => {
  const entry = (group, text) => ({ group, text });
  const entries = [
    entry("Picture", "larger points"),
    entry("Time", "play or pause"),
    entry("Picture", "collapse"),
  ];
  assert.equal(fitting("pause", entries)[0].text, "play or pause");
  assert.equal(fitting("lp", entries)[0].text, "larger points");
  assert.deepEqual(fitting("xyz", entries), []);
  assert.deepEqual(fitting("  ", entries), entries);
  assert.equal(fit("ba", "ab"), null, "the order of the letters counts");
});

/** Chunks of a PNG as [type, data], with their checksums tested. */
function chunksOf(png) {
  const chunks = [];
  const numbers = new DataView(png.buffer, png.byteOffset);
  for (let at = 8; at < png.length;) {
    const size = numbers.getUint32(at);
    const body = png.subarray(at + 4, at + 8 + size);
    assert.equal(numbers.getUint32(at + 8 + size), crc32(body));
    chunks.push([String.fromCharCode(...body.subarray(0, 4)), body.subarray(4)]);
    at += size + 12;
  }
  return chunks;
}

// A PNG of one transparent pixel.
const PIXEL = Uint8Array.from(
  atob(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5E" +
      "rkJggg==",
  ),
  (letter) => letter.charCodeAt(0),
);

test("the checksum is the PNG's: that of IEND is known", () => {
  assert.equal(crc32(new TextEncoder().encode("IEND")), 0xae426082);
});

test("a picture carries its texts, and is otherwise the same", () => {
  const png = withTexts(PIXEL, { Run: "röoms", Scene: "部屋", Step: 40 });
  const [before, after] = [chunksOf(PIXEL), chunksOf(png)];
  assert.deepEqual(
    after.map(([type]) => type),
    ["IHDR", "tEXt", "iTXt", "tEXt", "IDAT", "IEND"],
  );
  assert.deepEqual([after[0], after[4], after[5]], before);
  assert.equal(String.fromCharCode(...after[1][1]), "Run\0röoms");
  assert.equal(new TextDecoder().decode(after[2][1]), "Scene\0\0\0\0\0部屋");
  assert.throws(() => withTexts(new Uint8Array(40), {}), /not a PNG/);
});

test("an address may ask for playing, and a view that is kept does not", () => {
  assert.equal(readView("#play=1", COLOURINGS).play, true);
  assert.equal(readView("#play=yes", COLOURINGS).play, undefined);
  assert.ok(!writeView({ ...VIEW, play: true }).includes("play"));
});

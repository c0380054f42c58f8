// What a page asks for before anybody wants it: handed out once, and not when it has grown old.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Api } from "../../assets/viewport/page/api.mjs";

const PICTURE = { version: "v1", scene: "room", step: 40 };

/** A studio whose every answer says which request of its address it was. */
function studio() {
  const asked = new Map();
  const fetcher = async (url) => {
    const count = (asked.get(url) ?? 0) + 1;
    asked.set(url, count);
    const body = url.startsWith("/api/first-picture") ? PICTURE : { url, count };
    return {
      ok: true,
      headers: new Headers(),
      json: async () => body,
      arrayBuffer: async () => new TextEncoder().encode(JSON.stringify(body)).buffer,
    };
  };
  return { asked, api: new Api("rooms", fetcher) };
}

test("an answer that was asked for ahead is handed out once", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { asked, api } = studio();
  await api.askAhead({});
  const frame = "/api/runs/rooms/scenes/room/frames/40?v=v1";
  assert.equal(asked.get(frame), 1);
  await api.frame("room", 40, "v1");
  assert.equal(asked.get(frame), 1, "taken, not asked for again");
  await api.frame("room", 40, "v1");
  assert.equal(asked.get(frame), 2);
  t.mock.timers.tick(10_000);
});

test("what nobody came for in ten seconds is dropped, so that no old list is shown", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { api } = studio();
  await api.askAhead({});
  t.mock.timers.tick(9_999);
  assert.equal((await api.frames("room")).count, 1, "young enough");
  t.mock.timers.tick(1);
  assert.equal((await api.run()).count, 2, "asked for anew");
});

test("a link to another scene asks for nothing ahead", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { asked, api } = studio();
  await api.askAhead({ scene: "hall" });
  assert.deepEqual([...asked.keys()], ["/api/first-picture?run=rooms"]);
});

test("an address that names a step asks for no other frame ahead", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { asked, api } = studio();
  await api.askAhead({ step: 20 });
  assert.ok(![...asked.keys()].some((url) => url.includes("/frames/")));
  t.mock.timers.tick(10_000);
});

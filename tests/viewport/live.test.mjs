import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Live, pauseAfter } from "../../assets/viewport/time/live.mjs";

/** A Live whose sockets and server are under the test's hand, and the calls that it made. */
function makeLive({
  head = async () => {
    throw new Error("no server");
  },
} = {}) {
  const sockets = [];
  const calls = [];
  const note =
    (name) =>
    (...args) =>
      calls.push([name, ...args]);
  const live = new Live({
    run: "rooms",
    api: { head },
    on: {
      onHello: note("hello"),
      onFrame: note("frame"),
      onState: note("state"),
      onScalars: note("scalars"),
      onLink: ({ status }) => calls.push(["link", status]),
    },
    makeSocket: () => {
      const socket = {
        close() {
          this.onclose?.();
        },
      };
      sockets.push(socket);
      return socket;
    },
    now: () => 0,
  });
  const say = (message) => sockets.at(-1).onmessage({ data: JSON.stringify(message) });
  return { live, sockets, calls, say };
}

const HELLO = { type: "hello", version: "a-0", state: { step: 4 }, latest: { room: 0 } };

async function pass(ms) {
  mock.timers.tick(ms);
  for (let k = 0; k < 5; k++) await Promise.resolve();
}

test("pauses grow to ten seconds and no further", () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 50].map(pauseAfter),
    [500, 1000, 2000, 4000, 8000, 10_000, 10_000],
  );
});

test("messages reach their calls", () => {
  const { live, calls, say } = makeLive();
  say(HELLO);
  say({ type: "frame", scene: "room", step: 10, version: "a-0" });
  say({ type: "state", state: { step: 11 } });
  say({ type: "scalars", step: 11 });
  assert.deepEqual(calls, [
    ["link", "open"],
    ["hello", { step: 4 }, { room: 0 }, "a-0"],
    ["frame", "room", 10, "a-0"],
    ["state", { step: 11 }],
    ["scalars", 11],
  ]);
  live.close();
});

test("a socket that breaks is opened again, and says hello again", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { live, sockets, calls, say } = makeLive();
  say(HELLO);
  sockets[0].onclose();
  await pass(499);
  assert.equal(sockets.length, 1);
  await pass(1);
  assert.equal(sockets.length, 2);
  say(HELLO);
  assert.equal(calls.filter(([name]) => name === "hello").length, 2);
  live.close();
  mock.timers.reset();
});

test("where sockets do not get through, head is polled and makes the same calls", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const heads = [
    { version: "a-0", state: { step: 1 }, latest: { room: null } },
    { version: "a-0", state: { step: 2 }, latest: { room: 2 } },
    { version: "a-0", state: { step: 2 }, latest: { room: 2 } },
    { version: "a-1", state: { step: 1 }, latest: { room: null } },
  ];
  const { live, sockets, calls } = makeLive({
    head: async () => heads.shift() ?? new Promise(() => {}),
  });
  sockets[0].onclose();
  await pass(500);
  sockets[1].onclose();
  await pass(0);
  for (let k = 0; k < 3; k++) await pass(1000);
  const made = calls.filter(([name]) => name !== "link" && name !== "state");
  assert.deepEqual(made, [
    ["hello", { step: 1 }, { room: null }, "a-0"],
    ["frame", "room", 2, "a-0"],
    ["scalars", 2],
    ["hello", { step: 1 }, { room: null }, "a-1"],
  ]);
  assert.ok(calls.some(([name, status]) => name === "link" && status === "polling"));
  live.close();
  mock.timers.reset();
});

test("with no way through the link is lost, and found again when a socket opens", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { live, sockets, calls, say } = makeLive();
  sockets[0].onclose();
  await pass(500);
  sockets[1].onclose();
  await pass(0);
  assert.deepEqual(calls.at(-1), ["link", "lost"]);
  await pass(1000);
  assert.equal(sockets.length, 3);
  say(HELLO);
  assert.equal(calls.at(-2)[1], "open");
  const quiet = calls.length;
  await pass(20_000);
  assert.equal(calls.length, quiet, "polling goes on beside an open socket");
  live.close();
  mock.timers.reset();
});

test("after closing nothing is opened or called any more", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { live, sockets, calls } = makeLive();
  sockets[0].onclose();
  live.close();
  await pass(60_000);
  assert.equal(sockets.length, 1);
  assert.deepEqual(calls, []);
  mock.timers.reset();
});

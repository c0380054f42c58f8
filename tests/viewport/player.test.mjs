import assert from "node:assert/strict";
import { test } from "node:test";

import { PLAY_INTERVAL_MS, Player } from "../../assets/viewport/time/player.mjs";

function playerOf(steps, { shown = null } = {}) {
  const player = new Player();
  player.reset(steps);
  if (shown !== null) {
    player.seek(shown);
    player.showed(shown);
  }
  return player;
}

test("a new player follows: it wants the newest frame and nothing once that is on screen", () => {
  const player = playerOf([0, 10, 20]);
  assert.equal(player.wanted(), 20);
  player.showed(20);
  assert.equal(player.wanted(), null);
});

test("without frames there is nothing to want, move, play or seek", () => {
  const player = playerOf([]);
  for (const act of [(p) => p.move(1), (p) => p.home(), (p) => p.seek(5), (p) => p.toggle(0)]) {
    act(player);
    assert.equal(player.wanted(), null);
    assert.equal(player.playing, false);
  }
});

test("while following, the newest frame is wanted; those passed over are counted", () => {
  const player = playerOf([0]);
  player.showed(0);
  for (const step of [10, 20, 30]) player.announce(step);
  assert.equal(player.wanted(), 30);
  player.showed(30);
  assert.equal(player.stride, 3);
  player.announce(40);
  player.showed(40);
  assert.equal(player.stride, 1);
});

test("scrubbing ends following, and new frames no longer pull the picture along", () => {
  const player = playerOf([0, 10, 20]);
  player.showed(20);
  player.seek(8);
  assert.equal(player.following, false);
  assert.equal(player.wanted(), 10);
  player.showed(10);
  player.announce(30);
  assert.equal(player.wanted(), null);
  assert.equal(player.latest, 30);
});

test("End follows again", () => {
  const player = playerOf([0, 10, 20], { shown: 0 });
  player.follow();
  assert.equal(player.wanted(), 20);
  player.announce(30);
  assert.equal(player.wanted(), 30);
});

test("moving goes from frame to frame across gaps and stops at both ends", () => {
  const player = playerOf([0, 64, 96, 112, 120], { shown: 64 });
  const visited = [1, 1, -1, 10, -10].map((by) => {
    player.move(by);
    return player.cursor;
  });
  assert.deepEqual(visited, [96, 112, 96, 120, 0]);
  assert.equal(player.following, false);
});

test("a frame announced late takes its place, one announced twice stays single", () => {
  const player = playerOf([0, 10, 30]);
  player.announce(20);
  player.announce(20);
  player.announce(30);
  assert.deepEqual(player.steps, [0, 10, 20, 30]);
});

test("a frame that is gone gives way to its nearest neighbour", () => {
  const player = playerOf([0, 10, 14, 40], { shown: 0 });
  player.seek(10);
  player.forget(10);
  assert.equal(player.wanted(), 14);
  assert.deepEqual(player.steps, [0, 14, 40]);
  const lone = playerOf([5]);
  lone.forget(5);
  assert.equal(lone.wanted(), null);
});

test("thinned-out frames leave the list, newly announced ones stay", () => {
  const player = playerOf([0, 10, 20, 30], { shown: 30 });
  player.announce(40);
  player.keep([0, 20, 30]);
  assert.deepEqual(player.steps, [0, 20, 30, 40]);
  assert.equal(player.wanted(), null, "the frame on screen is still there");
  player.keep([0, 40]);
  assert.equal(player.wanted(), 40);
});

test("a list that comes after an announcement adds what was passed over, and the cursor stays newest", () => {
  const late = new Player();
  late.announce(40); // told before the list of older frames arrived
  late.keep([0, 20]);
  assert.deepEqual(late.steps, [0, 20, 40]);
  assert.equal(late.wanted(), 40);
  late.showed(40);
  late.keep([0, 20, 40, 60]); // a notice was merged into a newer one
  assert.equal(late.wanted(), 60);
  late.home();
  late.keep([0, 20, 40, 60, 80]);
  assert.equal(late.wanted(), 0, "who scrubs is left alone");
});

test("a resume takes frames away: who follows goes back with it, others stay near", () => {
  const follower = playerOf([0, 10, 20, 30]);
  follower.showed(30);
  follower.reset([0, 10]);
  assert.equal(follower.wanted(), 10);
  follower.announce(20);
  assert.equal(follower.wanted(), 20);

  const scrubber = playerOf([0, 10, 20, 30], { shown: 20 });
  scrubber.reset([0, 10]);
  assert.equal(scrubber.following, false);
  assert.equal(scrubber.wanted(), 10);
});

test("the same step is drawn again after a resume, since its contents may have changed", () => {
  const player = playerOf([0, 10]);
  player.showed(10);
  player.reset([0, 10]);
  assert.equal(player.wanted(), 10);
});

test("playing shows one frame an interval, waits for the screen, and ends at the last", () => {
  const player = playerOf([0, 10, 20], { shown: 0 });
  player.toggle(1000);
  assert.equal(player.tick(1000 + PLAY_INTERVAL_MS - 1, false), false);
  assert.equal(player.tick(1000 + PLAY_INTERVAL_MS, false), true);
  assert.equal(player.wanted(), 10);
  assert.equal(player.tick(9000, false), false, "the frame is not on screen yet");
  player.showed(10);
  assert.equal(player.tick(10_000, false), true);
  player.showed(20);
  assert.equal(player.tick(20_000, false), true);
  assert.deepEqual([player.playing, player.following, player.cursor], [false, false, 20]);
});

test("playing from the end starts over; in a live run it ends by following", () => {
  const player = playerOf([0, 10], { shown: 10 });
  player.toggle(0);
  assert.equal(player.cursor, 0);
  player.showed(0);
  player.tick(1e4, true);
  player.showed(10);
  player.tick(2e4, true);
  assert.deepEqual([player.playing, player.following], [false, true]);
});

test("double speed halves the interval", () => {
  const player = playerOf([0, 10, 20], { shown: 0 });
  player.speed = 2;
  player.toggle(0);
  assert.equal(player.tick(PLAY_INTERVAL_MS / 2, false), true);
});

test("pausing and stepping stop playing where it is", () => {
  const player = playerOf([0, 10, 20], { shown: 0 });
  player.toggle(0);
  player.toggle(1);
  assert.deepEqual([player.playing, player.cursor], [false, 0]);
  player.toggle(2);
  player.move(1);
  assert.deepEqual([player.playing, player.cursor], [false, 10]);
});

test("what is fetched ahead lies ahead while playing, and on both sides at rest", () => {
  const player = playerOf([0, 10, 20, 30, 40], { shown: 10 });
  assert.deepEqual(player.neighbours(), [20, 0]);
  player.toggle(0);
  assert.deepEqual(player.neighbours(), [20, 30, 40]);
});

test("frames around the cursor come nearest first, and the one before is known", () => {
  const player = new Player();
  player.reset([0, 10, 20, 30, 40]);
  player.seek(10);
  player.showed(10);
  assert.deepEqual(player.around(2), [20, 0, 30]);
  assert.equal(player.stepBefore, 0);
  player.seek(0);
  player.showed(0);
  assert.equal(player.stepBefore, null);
  assert.deepEqual(player.around(9), [10, 20, 30, 40]);
});

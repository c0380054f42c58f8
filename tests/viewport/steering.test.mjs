// The pure parts of steering and launching: values as text, commands that can be taken back, the log.

import assert from "node:assert/strict";
import { test } from "node:test";

import { SHARES, budgetLine, frameEvery, placeOf } from "../../assets/steering/budget.mjs";
import * as fields from "../../assets/steering/fields.mjs";
import { lineAt, lineOf, logLines, merged, narrowed } from "../../assets/steering/log_lines.mjs";
import { repeatedly } from "../../assets/steering/requests.mjs";
import { pieces } from "../../assets/steering/phrase.mjs";
import { Delayed, answerOf } from "../../assets/steering/waiting.mjs";

test("a value that is written and read again is the same value", () => {
  const values = [
    ["number", 0.25],
    ["number", 4e-3],
    ["int", 20],
    ["switch", true],
    ["choice", "gamma", ["gamma", "lognormal"]],
    ["numbers", [0.3, 0.7]],
    ["numbers", []],
    ["texts", ["coord", "color"]],
    [
      "pairs",
      [
        [0.2, 0.4],
        [0.8, 1.6],
      ],
    ],
    ["text", "sim:rooms"],
  ];
  for (const [kind, value, choices] of values) {
    const length = kind === "numbers" && value.length ? value.length : undefined;
    assert.deepEqual(fields.parsed({ kind, value, choices, length }, fields.written(value)), value);
  }
});

test("what cannot be read is refused with what came and what was expected", () => {
  const cases = [
    [{ kind: "number" }, "fast", /expected a number, got "fast"/],
    [{ kind: "number" }, "", /expected a number/],
    [{ kind: "int" }, "2.5", /expected a whole number, got "2.5"/],
    [{ kind: "numbers", length: 2 }, "0.3", /expected 2 numbers, got 1/],
    [{ kind: "numbers" }, "0.3, x", /expected a number, got "x"/],
    [{ kind: "pairs" }, "[[", /expected pairs like/],
  ];
  for (const [field, text, words] of cases) assert.throws(() => fields.parsed(field, text), words);
});

test("of the prior only the parameters of its family are in force", () => {
  const inForce = (kind) =>
    ["shape", "scale", "mu", "sigma", "path"].filter((part) =>
      fields.isInForce(`odr.prior.${part}`, kind),
    );
  assert.deepEqual(inForce("gamma"), ["shape", "scale"]);
  assert.deepEqual(inForce("lognormal"), ["mu", "sigma"]);
  assert.deepEqual(inForce("hdbscan"), []);
  assert.deepEqual(inForce("file"), ["path"]);
  assert.ok(fields.isInForce("scr.link_radius", "gamma"));
});

test("a field is found by its name, by its plain words and by what it means", () => {
  const field = { name: "scr.link_radius", about: "metres: tau_d" };
  for (const query of ["", "scr link", "link_radius", "tau_d", "metres radius"])
    assert.ok(fields.isFound(field, query), query);
  assert.ok(!fields.isFound(field, "prior"));
});

test("a command line survives a shell", () => {
  const argv = [
    "pointins",
    "pretrain",
    "--run",
    "runs/my room",
    "--scr.link-radius",
    "0.3",
    "it's",
  ];
  const line = fields.shellLine(argv);
  assert.equal(line, "pointins pretrain --run 'runs/my room' --scr.link-radius 0.3 'it'\\''s'");
});

test("the slider of the budget stands at the offered share that is nearest", () => {
  SHARES.forEach((share, place) => assert.equal(placeOf(share), place));
  assert.equal(SHARES[placeOf(0.021)], 0.02);
  assert.equal(SHARES[placeOf(0.9)], 0.2);
});

test("frames come as often as the budget allows, and not more often than asked for", () => {
  // 0.5 s a frame at 2 % of the time: 24.5 s of training between frames.
  assert.equal(frameEvery({ budget: 0.02, frameS: 0.5, stepS: 1, least: 10 }), 25);
  assert.equal(frameEvery({ budget: 0.02, frameS: 0.01, stepS: 1, least: 10 }), 10);
  assert.equal(frameEvery({ budget: 0.02, frameS: 0, stepS: 0, least: 7 }), 7);
});

test("the line of the budget says what was measured and when the next frame comes", () => {
  assert.equal(
    budgetLine({ measured: 0.016, every: 24, left: 18, stepS: 0.5 }),
    "measured 1.6 %, a frame every 24 steps, next in ~9 s",
  );
  assert.equal(
    budgetLine({ measured: null, every: 1, left: null, stepS: null }),
    "not measured yet, a frame every step",
  );
});

function fakeClock() {
  const clock = {
    ticks: [],
    setInterval: (tick) => clock.ticks.push(tick),
    clearInterval: () => (clock.ticks = []),
  };
  clock.tick = () => clock.ticks.forEach((tick) => tick());
  return clock;
}

test("a change is sent once after its seconds, or never when it is taken back", () => {
  for (const takesBack of [false, true]) {
    const clock = fakeClock();
    const seen = [];
    let sent = 0;
    const delayed = new Delayed({
      seconds: 3,
      clock,
      onTick: (left) => seen.push(left),
      send: () => (sent += 1),
    });
    clock.tick();
    if (takesBack) delayed.cancel();
    for (let i = 0; i < 5; i++) clock.tick();
    assert.equal(sent, takesBack ? 0 : 1);
    assert.deepEqual(seen, takesBack ? [3, 2] : [3, 2, 1, 0]);
  }
});

test("an answer is the trainer's sentence, and nobody's while it waits", () => {
  assert.match(answerOf({ command: "pause", answered: false }), /waiting for the trainer/);
  assert.equal(
    answerOf({ command: "pause", answered: true, ok: true, text: "paused at step 12" }),
    "paused at step 12",
  );
});

test("the log tells an accepted edit once and a refused one as refused", () => {
  const at = { t: 1, step: 12 };
  const set = { ...at, kind: "control", command: "set", text: "lambda_off 0.25 → 0.1" };
  assert.equal(lineOf({ ...set, ok: true }), null);
  assert.equal(lineOf({ ...set, ok: false }).kind, "refused");
  const edit = { ...at, kind: "edit", values: { "offset.weight": [0.25, 0.1] } };
  assert.equal(lineOf(edit).text, "offset.weight 0.25 → 0.1");
  assert.equal(lineOf({ ...at, kind: "scalars", values: {} }), null);
});

test("lines of the file go in by their time, and what an event says is not said twice", () => {
  const alarm = lineOf({
    t: Date.parse("2026-11-21T10:00:05Z") / 1000,
    step: 20,
    kind: "alarm",
    text: "SCR is inert",
  });
  const file = logLines([
    "2026-11-21T10:00:00+00:00 indoor_demo on cpu",
    "2026-11-21T10:00:05+00:00 step 20: SCR is inert",
    "2026-11-21T10:00:09+00:00 failed: out of memory",
    "  at the second line of it",
  ]);
  const lines = merged([alarm], file);
  assert.deepEqual(
    lines.map(({ kind, step }) => [kind, step]),
    [
      ["log", null],
      ["alarm", 20],
      ["log", null],
    ],
  );
  assert.match(lines[2].text, /out of memory\n {2}at the second/);
});

test("the cursor stands at the last line that was there at its step", () => {
  const lines = [{ step: 0 }, { step: null }, { step: 10 }, { step: 10 }, { step: 30 }];
  assert.deepEqual(
    [-1, 0, 9, 10, 29, 99].map((step) => lineAt(lines, step)),
    [-1, 0, 0, 3, 3, 4],
  );
});

test("the log is narrowed by kind and by words", () => {
  const lines = [
    { kind: "edit", step: 3, text: "K 20 → 12" },
    { kind: "alarm", step: 9, text: "SCR is inert" },
    { kind: "checkpoint", step: 10, text: "checkpoint saved" },
  ];
  const kinds = (filter, query) => narrowed(lines, filter, query).map(({ kind }) => kind);
  assert.deepEqual(kinds("everything", ""), ["edit", "alarm", "checkpoint"]);
  assert.deepEqual(kinds("alarms and warnings", ""), ["alarm"]);
  assert.deepEqual(kinds("everything", "step 3"), ["edit"]);
  assert.deepEqual(kinds("checkpoints", "inert"), []);
});

test("a sentence has the paper's symbols in place of dotted names, and keeps all other words", () => {
  assert.deepEqual(pieces("offset.weight 0.25 → 0.1; see 1.2 and a.b"), [
    { symbol: ["λ", "off"], name: "offset.weight" },
    " 0.25 → 0.1; see 1.2 and a.b",
  ]);
  assert.deepEqual(pieces("at most log.frame_every"), ["at most ", "a frame at most every"]);
});

test("looking at once leaves one round of looks, and the end leaves none", async (t) => {
  const timers = new Set();
  t.mock.method(globalThis, "setTimeout", (action) => (timers.add(action), action));
  t.mock.method(globalThis, "clearTimeout", (action) => timers.delete(action));
  globalThis.document = { hidden: false };
  const answers = [];
  const rounds = repeatedly(() => new Promise((answer) => answers.push(answer)));
  const second = rounds.now(); // while the first look has no answer yet
  answers.forEach((answer) => answer(1000));
  await second;
  assert.equal(answers.length, 2);
  assert.equal(timers.size, 1);
  rounds.end();
  assert.equal(timers.size, 0);
  delete globalThis.document;
});

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  axisEnd,
  axisLabels,
  describeMark,
  phasesOf,
  placeMarks,
  shareOf,
  stepAt,
} from "../../assets/viewport/time/timescale.mjs";

test("a run that has ended spans its frames, one without frames its plan", () => {
  assert.equal(axisEnd(220, 800, false), 220);
  assert.equal(axisEnd(0, 800, false), 800);
  assert.equal(axisEnd(0, 0, true), 1);
});

test("a live axis always holds the present with room, and jumps only a few times", () => {
  const ends = new Set();
  for (let latest = 1; latest <= 800; latest++) {
    const end = axisEnd(latest, 800, true);
    assert.ok(end >= latest);
    assert.ok(end >= latest * 1.1 || end === 800);
    ends.add(end);
  }
  assert.ok(ends.size <= 8, `${ends.size} different axes`);
  assert.equal(axisEnd(800, 800, true), 800);
});

test("a step and its place are each other's inverse, and places stay on the bar", () => {
  for (const step of [0, 1, 133, 800]) {
    assert.ok(Math.abs(stepAt(shareOf(step, 800), 800) - step) < 1e-9);
  }
  assert.equal(shareOf(900, 800), 1);
  assert.equal(stepAt(-0.2, 800), 0);
  assert.equal(stepAt(1.3, 800), 800);
});

test("marks stand at their steps; those that would touch are grouped under the gravest", () => {
  const marks = [
    { kind: "checkpoint", step: 400 },
    { kind: "checkpoint", step: 100 },
    { kind: "warning", step: 401, text: "offsets are short" },
    { kind: "resume", step: 700, from_step: 690 },
    { kind: "mark", step: 5000, text: "later than the axis" },
  ];
  const placed = placeMarks(marks, 800);
  assert.deepEqual(
    placed.map(({ share, kind }) => [share, kind]),
    [
      [0.125, "checkpoint"],
      [0.5, "warning"],
      [0.875, "resume"],
    ],
  );
  assert.deepEqual(placed[1].texts, [
    "Checkpoint at step 400",
    "Warning at step 401: offsets are short",
  ]);
  assert.equal(placed[2].texts[0], "Resumed at step 690");
});

test("an alarm goes before everything; one that is cleared is no alarm any more", () => {
  const marks = [
    { kind: "warning", step: 400, text: "left out" },
    { kind: "alarm", step: 401, name: "scr_inert", state: "raised", text: "SCR is inert" },
    { kind: "alarm", step: 600, name: "scr_inert", state: "cleared", text: "no longer" },
  ];
  const placed = placeMarks(marks, 800);
  assert.deepEqual(
    placed.map(({ kind }) => kind),
    ["alarm", "cleared"],
  );
  assert.equal(placed[0].texts[1], "SCR is inert (step 401)");
});

test("marks keep their order and their distance however many there are", () => {
  const marks = Array.from({ length: 500 }, (_, k) => ({
    kind: "checkpoint",
    step: (k * 7919) % 1000,
  }));
  const shares = placeMarks(marks, 1000, 0.02).map(({ share }) => share);
  shares.slice(1).forEach((share, k) => assert.ok(share - shares[k] >= 0.02 - 1e-12));
  assert.equal(placeMarks(marks, 1000, 0.02).flatMap(({ texts }) => texts).length, 500);
});

test("a mark without words still says where it is", () => {
  assert.equal(describeMark({ kind: "mark", step: 80 }), "Mark at step 80");
  assert.equal(
    describeMark({ kind: "mark", step: 80, text: "Offset loss starts" }),
    "Offset loss starts (step 80)",
  );
});

test("axis labels are round, rising, at most seven, and begin at zero", () => {
  for (const end of [1, 7, 60, 220, 801, 12_345, 1e6]) {
    const labels = axisLabels(end);
    assert.equal(labels[0], 0);
    assert.ok(labels.length >= 2 && labels.length <= 7, `${end}: ${labels}`);
    assert.ok(labels.at(-1) <= end);
    for (const label of labels) assert.ok(Number.isInteger(label));
  }
});

test("planned phases stand at their steps, but not twice", () => {
  const config = {
    optim: { warmup: 0.05 },
    odr: { enabled: true, start: 0 },
    offset: { start: 0.1 },
  };
  const steps = (marks) => phasesOf(config, 800, marks).map(({ step }) => step);
  assert.deepEqual(steps([]), [40, 80]);
  assert.deepEqual(steps([{ kind: "mark", step: 80, text: "the offset loss joins" }]), [40]);
  assert.deepEqual(
    phasesOf({ ...config, offset: { enabled: false, start: 0.1 } }, 800, []).length,
    1,
  );
  assert.deepEqual(phasesOf(undefined, 800, []), []);
});

test("an edit says what it changed", () => {
  const edit = { kind: "edit", step: 120, text: "offset.weight 0.25 → 0.1" };
  assert.equal(describeMark(edit), "Edit at step 120: offset.weight 0.25 → 0.1");
  assert.equal(placeMarks([edit, { kind: "checkpoint", step: 120 }], 800)[0].kind, "edit");
});

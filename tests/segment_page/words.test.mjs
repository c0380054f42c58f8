import assert from "node:assert/strict";
import { test } from "node:test";

import { readView, writeView } from "../../assets/segment/address.mjs";
import { titleOf } from "../../assets/segment/layers_card.mjs";
import { factsOf } from "../../assets/segment/made_card.mjs";
import { bannersOf, panelOf } from "../../assets/segment/notices.mjs";
import { COLOURINGS } from "../../assets/segment/toolbar.mjs";
import {
  figuresText,
  formatsOf,
  percent,
  phaseOf,
  questionOf,
  refusalOf,
} from "../../assets/segment/words.mjs";

const limits = { suffixes: [".ply", ".pcd.bin", ".LAS"], max_upload_bytes: 2_000_000_000 };

test("a file is refused with what came, what is taken and what to do", () => {
  const said = (name, size) => refusalOf({ name, size }, limits);
  assert.equal(said("room.ply", 10), "");
  assert.equal(said("ROOM.PLY", 10), "");
  assert.equal(said("sweep.pcd.bin", 10), "");
  assert.match(said("photo.jpeg", 10), /photo\.jpeg is of a kind .* \.ply, \.pcd\.bin, \.LAS/);
  assert.match(said("room.ply", 0), /empty/);
  assert.match(said("room.ply", 3e9), /3 GB, the limit is 2 GB.*Thin it out/);
});

test("formats are named once, the common ones first", () => {
  assert.equal(formatsOf([".pcd.bin", ".las", ".ply", ".PLY"]), "PLY, LAS, BIN");
});

test("a question becomes answers that say what they send", () => {
  const { title, answers } = questionOf({ units: "mm" });
  assert.equal(title, "Is this scan in millimetres?");
  assert.deepEqual(
    answers.map(([, sent]) => sent),
    [{ units: "mm" }, { units: "m" }, { units: "cm" }],
  );
  assert.deepEqual(
    questionOf({ up: "y" }).answers.map(([, sent]) => sent),
    [{ up: "y" }, { up: "z" }],
  );
  assert.equal(questionOf(null), null);
  assert.equal(questionOf({ units: "ells" }), null);
});

test("a phase says what goes on, how far it is, and when it ends", () => {
  const said = phaseOf({ status: "running", phase: "network", done: 3, total: 12, eta_s: 20 });
  assert.match(said.title, /Predicting/);
  assert.equal(said.text, "3 of 12 · about 20 s left");
  assert.equal(said.share, 0.25);
  assert.equal(phaseOf({ status: "waiting", ahead: 2 }).text, "2 before it.");
});

test("how a layer was made is told without what was left to the scan", () => {
  const settings = { planes: "keep", radius: null, domain: "auto", max_tile_points: 250000 };
  const provenance = { network: { checkpoint: "builtin:indoor", steps: 900 }, scale: 2 };
  const layer = { settings, provenance, seconds: { votes: 3 } };
  assert.deepEqual(factsOf(layer, { name: "a.ply", notes: ["a.ply: taken as metres"] }), [
    ["Network", "built in, indoor, 900 steps without labels"],
    ["Scale", "2 times as large"],
    ["Settings", "planes keep"],
    ["Time", "votes 3 s"],
    ["Note", "taken as metres"],
  ]);
});

test("figures are percent with one decimal, and a dash where there are none", () => {
  assert.equal(percent(0.7812), "78.1");
  assert.equal(percent(null), "–");
  assert.equal(figuresText({ ap50: 0.5, pq: NaN, ari: 1 }), "AP50 50.0 · ARI 100.0");
  assert.equal(figuresText(null), "");
});

test("a view comes back from its address, and nonsense is left out", () => {
  const look = { colouring: "score", walls: "all", t: 0.5, size: 1, camera: null, votes: "before" };
  const least = { score: 0.25, points: 100 };
  const hash = writeView({ look, layer: "edited", beside: "hdbscan-2", least });
  const names = Object.keys(COLOURINGS);
  assert.deepEqual(readView(hash, names), {
    look: { colouring: "score", walls: "all", t: 0.5, votes: "before" },
    layer: "edited",
    beside: "hdbscan-2",
    least,
  });
  assert.deepEqual(readView("#layer=../x&beside=&score=7&points=-3&colouring=no", names), {
    look: {},
    least: { score: 0, points: 0 },
  });
});

const state = (status, more = {}) => ({
  loading: { phase: "none" },
  details: { status, name: "room.ply", progress: { detail: "why", ask: null, ...more } },
  mayEdit: true,
  context: "ok",
  numFound: null,
  fault: "",
});

test("every state without a picture says what happened and what to do", () => {
  const titles = {
    waiting: "Waiting in line",
    running: "Starting",
    failed: "room.ply was not segmented",
    stopped: "Stopped",
  };
  for (const [status, title] of Object.entries(titles)) {
    const panel = panelOf(state(status));
    assert.equal(panel.title, title);
    assert.ok(panel.text);
    assert.ok(panel.actions.length, status);
  }
  const asking = panelOf(state("asking", { ask: { units: "mm" } }));
  assert.deepEqual(
    asking.actions.map(([, name]) => name),
    ["retry", "retry", "retry"],
  );
  const gone = panelOf({ ...state("running"), loading: { phase: "gone" } });
  assert.match(gone.title, /not there/);
});

test("whoever may only look is offered nothing to do", () => {
  for (const status of ["waiting", "running", "failed", "stopped", "asking"]) {
    assert.deepEqual(panelOf({ ...state(status), mayEdit: false }).actions, []);
  }
});

test("a picture without objects says so, one with objects says nothing", () => {
  const ready = { ...state("finished"), loading: { phase: "ready" } };
  assert.equal(panelOf({ ...ready, numFound: 0 }).title, "No objects found");
  assert.equal(panelOf({ ...ready, numFound: 3 }), null);
  assert.equal(panelOf({ ...ready, numFound: null }), null);
});

test("a layer that is being made is a line over the picture, with a way to stop it", () => {
  const running = { ...state("running"), loading: { phase: "ready" } };
  const [line] = bannersOf(running);
  assert.deepEqual(
    line.actions.map(([text]) => text),
    ["Cancel"],
  );
  assert.deepEqual(bannersOf({ ...running, details: null }), []);
});

test("the second layer of a method has its number once", () => {
  assert.equal(titleOf({ layer: "dbscan", label: "DBSCAN" }), "DBSCAN");
  assert.equal(titleOf({ layer: "dbscan-2", label: "DBSCAN" }), "DBSCAN 2");
  assert.equal(titleOf({ layer: "dbscan-2", label: "DBSCAN 2" }), "DBSCAN 2");
});

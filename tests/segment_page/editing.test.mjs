import assert from "node:assert/strict";
import { test } from "node:test";

import { Editing } from "../../assets/segment/editing.mjs";

/** A server that keeps what it is sent; `answers` are errors to throw, one a call. */
function server(answers = []) {
  const sent = [];
  return {
    sent,
    async saveEdits(edits) {
      sent.push(edits);
      const fault = answers.shift();
      if (fault) throw fault;
      return { version: edits.version + 1, layer: { layer: "edited", instances: [] } };
    },
  };
}

function editor(api, said = []) {
  const on = {
    onChange: () => said.push("change"),
    onSaved: (layer, isChangedSince) => said.push(["saved", layer.layer, isChangedSince]),
    onState: () => {},
  };
  const editing = new Editing(api, on);
  const names = new Map([[1, "chair"]]);
  editing.open([0, 0, 1, 1, 2], { names, made: new Set() }, { base: "pointins", version: 0 });
  return editing;
}

test("a change is sent with the layer that it began from and its version", async () => {
  const [api, said] = [server(), []];
  const editing = editor(api, said);
  editing.choose(0, false);
  editing.choose(2, true);
  editing.merge();
  await editing.save();
  const [{ base, version, names }] = api.sent;
  assert.deepEqual([base, version, names], ["pointins", 0, { 1: "chair" }]);
  assert.equal(editing.saved, "saved");
  assert.deepEqual(said.at(-1), ["saved", "edited", false]);
  editing.undo();
  await editing.save();
  assert.equal(api.sent[1].version, 1);
  editing.dispose();
});

test("a name that was taken away is sent as an empty one", async () => {
  const api = server();
  const editing = editor(api);
  editing.rename(1, "");
  await editing.save();
  assert.deepEqual(api.sent[0].names, { 1: "" });
  editing.dispose();
});

test("nothing is sent where nothing was changed", async () => {
  const api = server();
  const editing = editor(api);
  await editing.save();
  assert.equal(api.sent.length, 0);
  editing.dispose();
});

test("what could not be saved is said, kept and sent again", async () => {
  const api = server([Object.assign(new Error("The disk is full."), { status: 507 })]);
  const editing = editor(api);
  editing.choose(2, false);
  editing.remove();
  await editing.save();
  assert.deepEqual([editing.saved, editing.fault], ["fault", "The disk is full."]);
  assert.equal(editing.isPending, true);
  await editing.save();
  assert.deepEqual([editing.saved, editing.fault, editing.isPending], ["saved", "", false]);
  assert.equal(api.sent[1].labels, api.sent[0].labels);
  editing.dispose();
});

test("changes that build on an old version are not sent again", async () => {
  const api = server([Object.assign(new Error("edited elsewhere"), { status: 409 })]);
  const editing = editor(api);
  editing.choose(2, false);
  editing.remove();
  await editing.save();
  assert.equal(editing.isStale, true);
  await editing.save();
  assert.equal(api.sent.length, 1);
  editing.dispose();
});

test("a click chooses one, Shift adds and takes away, a second click takes back", () => {
  const editing = editor(server());
  const chosen = () => [...editing.chosen];
  editing.choose(1, false);
  editing.choose(2, true);
  assert.deepEqual(chosen(), [1, 2]);
  editing.choose(1, true);
  assert.deepEqual(chosen(), [2]);
  editing.choose(2, false);
  assert.deepEqual(chosen(), []);
  editing.choose(1, false);
  editing.choose(null, false);
  assert.deepEqual(chosen(), []);
  assert.equal(editing.escape(), false);
});

test("before another layer is opened all changes are with the server", async () => {
  const api = server();
  const editing = editor(api);
  editing.rename(1, "sofa");
  const first = editing.save();
  editing.rename(1, "couch");
  await editing.settle();
  await first;
  assert.deepEqual(
    api.sent.map(({ names }) => names[1]),
    ["sofa", "couch"],
  );
  assert.equal(editing.isPending, false);
  editing.dispose();
});

/**
 * Changes by hand to one layer: what is chosen, what was changed, and that the server has it. Every
 * change is sent a moment later, one at a time; what could not be sent is said and tried again.
 * Tells its owner through `on`: onChange() (labels or choice), onSaved(layer), onState().
 */

import {
  Changes,
  carve,
  labelsAsBase64,
  makeLabelling,
  merge,
  remove,
  rename,
  split,
} from "./labels.mjs";

const SAVE_AFTER_MS = 400;
const AGAIN_MS = 5000;

export class Editing {
  constructor(api, on) {
    this.api = api;
    this.on = on;
    this.state = null; // the labelling
    this.sending = null; // promise of an answer
    this.close();
  }

  close() {
    clearTimeout(this.timer);
    this.changes = new Changes();
    this.chosen = new Set(); // ids
    this.region = null; // a mask of cells
    this.saved = "none"; // none | saving | saved | fault
    this.fault = "";
    this.isStale = false;
    this.isDirty = false;
  }

  /** Send what is left, and listen to no answer. */
  dispose() {
    this.save();
    this.isGone = true;
    clearTimeout(this.timer);
  }

  /** Whether the server lacks a change. */
  get isPending() {
    return this.isDirty || Boolean(this.sending);
  }

  /** Begin on a layer. @param {{base: string, version: number}} edits */
  open(labels, { names, made }, { base, version }) {
    this.close();
    this.state = makeLabelling(labels, names, made);
    this.named = [...names.keys()]; // with the server
    this.base = base;
    this.version = version;
  }

  // -- what is chosen -------------------------------------------------------------------------

  choose(id, isAdded) {
    this.region = null;
    if (!isAdded) {
      const isSame = this.chosen.size === 1 && this.chosen.has(id);
      this.chosen = new Set(id === null || isSame ? [] : [id]);
    } else if (id !== null) {
      if (!this.chosen.delete(id)) this.chosen.add(id);
    }
    this.on.onChange();
  }

  chooseRegion(mask) {
    this.chosen = new Set();
    this.region = mask;
    this.on.onChange();
  }

  /** Take the choice back; false where nothing was chosen. */
  escape() {
    if (!this.chosen.size && !this.region) return false;
    this.chosen = new Set();
    this.region = null;
    this.on.onChange();
    return true;
  }

  // -- changes --------------------------------------------------------------------------------

  merge() {
    return this._do(merge(this.state, this.chosen));
  }

  /** @param {(cell: number) => boolean} isOther */
  split(id, isOther) {
    return this._do(split(this.state, id, isOther));
  }

  carve() {
    return this.region && this._do(carve(this.state, this.region));
  }

  remove() {
    return this._do(remove(this.state, this.chosen));
  }

  rename(id, text) {
    return this._do(rename(this.state, id, text));
  }

  undo() {
    const change = this.changes.undo(this.state);
    if (change) this._changed([]);
    return change;
  }

  redo() {
    const change = this.changes.redo(this.state);
    if (change) this._changed(change.chosen);
    return change;
  }

  _do(change) {
    if (!this.changes.do(this.state, change)) return null;
    this._changed(change.chosen);
    return change;
  }

  _changed(chosen) {
    this.chosen = new Set(chosen);
    this.region = null;
    this.isDirty = true;
    this._later(SAVE_AFTER_MS);
    this.on.onChange();
  }

  // -- saving ---------------------------------------------------------------------------------

  _later(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), ms);
    this._tell(this.saved === "fault" ? "fault" : "saving");
  }

  /** Send what has changed; while something is on its way, wait for that. */
  save() {
    this.sending ??= this._send().finally(() => (this.sending = null));
    return this.sending;
  }

  /** All that can be saved is. */
  async settle() {
    while (this.isPending && !this.fault) await this.save();
  }

  async _send() {
    if (!this.isDirty || this.isStale) return;
    clearTimeout(this.timer);
    const { state } = this;
    this.isDirty = false;
    try {
      const { version, layer } = await this.api.saveEdits({
        base: this.base,
        version: this.version,
        labels: labelsAsBase64(state.labels),
        names: this._names(),
      });
      if (this.isGone || state !== this.state) return; // another layer was opened meanwhile
      this.version = version;
      this.fault = "";
      this._tell(this.isDirty ? "saving" : "saved");
      this.on.onSaved(layer, this.isDirty);
    } catch (error) {
      if (this.isGone || state !== this.state) return;
      this.isDirty = true;
      this.isStale = error.status === 409;
      this.fault = error.message;
      if (!this.isStale) this._later(AGAIN_MS);
      this._tell("fault");
    }
    if (this.isDirty && !this.fault && !this.isGone) this._later(0);
  }

  /** Names by id; an empty one takes away what the server has. */
  _names() {
    const { names } = this.state;
    for (const id of names.keys()) if (!this.named.includes(id)) this.named.push(id);
    return Object.fromEntries(this.named.map((id) => [id, names.get(id) ?? ""]));
  }

  _tell(saved) {
    this.saved = saved;
    this.on.onState();
  }
}

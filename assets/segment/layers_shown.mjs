/**
 * Which layers are in the picture: one that can be changed by hand, and maybe another beside it. A
 * part of `ResultShell`, which it tells what to draw anew.
 */

import { matchSlots } from "../viewport/time/identity.mjs";
import { frameOf, hasOffsets, kept, rowsOf } from "./instances.mjs";
import { titleOf } from "./layers_card.mjs";
import { figuresText, objects } from "./words.mjs";

export class LayersShown {
  /** @param {object} shell @param {{layer, beside, least}} asked of the address */
  constructor(shell, { layer = null, beside = null, least }) {
    this.shell = shell;
    this.wanted = layer; // to be shown once it is there
    this.wantedBeside = beside;
    this.least = least; // {score, points}: what is below is left out
    this.clear();
  }

  clear() {
    this.main = null; // {layer, v, base, told}: its frame as it was made, and its rows as told
    this.beside = null; // {layer, v}, and when it is there frame, slots, labels
    this.rows = []; // of the main layer, as it is now
    this.shown = []; // of these, what reaches the thresholds
    this.fault = "";
  }

  get name() {
    return this.main?.layer ?? null;
  }

  /** Whether the layer may be changed; a second one is only begun once the edits are dropped. */
  get mayChange() {
    const { changes } = this.shell.editing;
    const isBegun = changes.done.length + changes.undone.length > 0;
    const hasEdits = Boolean(this.shell.session.details?.edits);
    return this.name === "edited" || isBegun || !hasEdits;
  }

  /** Bring the picture up to what the server has. */
  follow() {
    const { session, editing } = this.shell;
    const { layers, edits } = session.details;
    const isStale = this.name === "edited" && (edits?.version ?? 0) < editing.version;
    if (!layers.length || isStale) return; // an answer from before the last change was saved
    const has = (name) => session.layer(name) !== null;
    const first = ["edited", "pointins"].find(has) ?? layers[0].layer;
    const name = [this.wanted, this.name, first].find((one) => one && has(one));
    const isOurs = name === "edited" && edits?.version === editing.version;
    const isSame = this.name === name && (this.main.v === session.layer(name).v || isOurs);
    if (!isSame) this.load(name);
    if (this.wantedBeside && has(this.wantedBeside)) this._loadBeside(this.wantedBeside);
  }

  async load(name) {
    const { session } = this.shell;
    const layer = session.layer(name);
    const key = `${name} ${layer.v}`;
    if (this.loading === key) return;
    this.loading = key;
    try {
      await this.shell.editing.settle();
      const base = await session.frame(name);
      if (this.shell.isGone || this.loading !== key) return;
      await this._askOffsets(base);
      this.fault = "";
      this._open(layer, base);
    } catch (error) {
      this.fault = error.message;
      this.shell.refresh();
    } finally {
      if (this.loading === key) this.loading = null;
    }
  }

  /** Offsets that tell parts of an object apart, where the layer has none of its own. */
  async _askOffsets(base) {
    this.offsets = base.offsetTeacher;
    const { session } = this.shell;
    if (hasOffsets(base) || !session.layer("pointins")) return;
    const frame = await session.frame("pointins").catch(() => null);
    if (frame?.numCells === base.numCells) this.offsets = frame.offsetTeacher;
  }

  _open(layer, base) {
    const { session, editing } = this.shell;
    const isFirst = this.main === null;
    const { edits } = session.details;
    const told = layer.instances;
    const names = new Map(told.filter(({ name }) => name).map(({ id, name }) => [id, name]));
    const made = new Set(told.filter((row) => row.by_hand).map(({ id }) => id));
    const from = layer.layer === "edited" ? edits.base : layer.layer;
    editing.open(base.instance, { names, made }, { base: from, version: edits?.version ?? 0 });
    this.main = { layer: layer.layer, v: layer.v, base, told };
    if (this.wanted === layer.layer) this.wanted = null;
    this.shell.relabelled();
    if (isFirst) this.shell.firstShown();
  }

  /** What was changed is with the server: its figures, and its rows measured on all points. */
  saved(layer, isChangedSince) {
    const { session, editing } = this.shell;
    session.take(layer);
    session.details.edits = { version: editing.version, base: editing.base };
    Object.assign(this.main, { layer: layer.layer, v: layer.v });
    if (!isChangedSince) this.main.told = layer.instances;
    this.shell.relabelled();
  }

  /** Rows, thresholds, and the frame that shows them. */
  count() {
    const { session, editing, view } = this.shell;
    const { base, told } = this.main;
    this.rows = rowsOf(editing.state, told, session.scene, this.shell.weight);
    const shown = kept(this.rows, this.least);
    if (JSON.stringify(shown) !== JSON.stringify(this.shown)) this.shown = shown;
    const { frame, slots } = frameOf(session.scene, base, editing.state.labels, this.shown);
    view?.setFrame(frame, slots);
  }

  // -- other layers ---------------------------------------------------------------------------

  show(name) {
    this.wanted = name;
    if (this.beside?.layer === name) this.showBeside(null);
    this.follow();
  }

  showBeside(name) {
    this.wantedBeside = name;
    if (name === null) {
      this.beside = null;
      this.shell.view?.setLayout(1);
      this.shell.refresh();
    } else if (this.shell.session.layer(name)) this._loadBeside(name);
  }

  async _loadBeside(name) {
    const { session, editing, view } = this.shell;
    const layer = session.layer(name);
    if (!this.main || !view || (this.beside?.layer === name && this.beside.v === layer.v)) return;
    this.beside = { layer: name, v: layer.v };
    try {
      const base = await session.frame(name);
      if (this.beside?.layer !== name || this.shell.isGone) return;
      const labels = Int32Array.from(base.instance);
      const { frame } = frameOf(session.scene, base, labels, layer.instances);
      const own = { ids: editing.state.labels, slots: slotsUpTo(editing.state.next) };
      const slots = matchSlots(frame.instance, frame.numInstances, own);
      Object.assign(this.beside, { frame, slots, labels });
      view.setLayout(2);
      view.panes[1].setFrame(frame, slots);
      this.shell.look({});
    } catch (error) {
      this.beside = null;
      this.wantedBeside = null;
      this.shell.fault(error);
    }
  }

  async add(method, settings, checkpoint, isBeside) {
    const { session } = this.shell;
    const { layer } = await session.api.addLayer(method, settings, checkpoint);
    if (isBeside) this.wantedBeside = layer;
    else this.wanted = layer;
    session.beat.now();
  }

  /** Throw the changes away and show what they began from. */
  async drop() {
    const { session, editing } = this.shell;
    const { base } = editing;
    editing.close();
    await session.api.dropEdits();
    editing.version = 0;
    session.details.edits = null;
    session.forget("edited");
    this.main.v = null;
    this.show(base);
  }

  /** Take what somebody else has saved. */
  reload() {
    const { session, editing } = this.shell;
    editing.close();
    editing.version = null;
    this.main.v = null;
    this.wanted = "edited";
    session.beat.now();
  }

  /** Whether the points of a pane can go where they vote. */
  hasVotes(pane) {
    const frame = pane === 0 ? this.main?.base : this.beside?.frame;
    return Boolean(frame && hasOffsets(frame));
  }

  /** What each pane shows: {title, text, figures}. */
  names() {
    const { session } = this.shell;
    const told = this.main && session.layer(this.main.layer);
    if (!told) return [];
    const { rows, shown, beside } = this;
    const isAll = shown.length === rows.length;
    const text = isAll ? objects(rows.length) : `${shown.length} of ${objects(rows.length)}`;
    const figures = [isAll ? "" : "of all:", figuresText(told.figures)].filter(Boolean).join(" ");
    const own = { title: titleOf(told), text, figures: told.figures ? figures : "" };
    const other = beside?.frame && session.layer(beside.layer);
    if (!other) return [own];
    const { instances } = other;
    const theirs = { text: objects(instances.length), figures: figuresText(other.figures) };
    return [own, { title: titleOf(other), ...theirs }];
  }
}

/** Colours are dealt by id, so an object keeps its colour whatever happens to the others. */
function slotsUpTo(count) {
  return Int32Array.from({ length: count }, (_, id) => id);
}

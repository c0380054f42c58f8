/**
 * What is chosen in the picture: a set of cells, a picked point, what is hidden, alone or pointed
 * at. Keeps the choice while frames change, and tells the renderer in flags.
 */

import { count } from "../page/format.mjs";
import { History } from "../page/history.mjs";
import {
  cellsOfInstance,
  cellsOfLength,
  cellsOfRule,
  cellsOfSegment,
  combined,
  makeSelection,
  maskOfCells,
  pointsPerCell,
  readRuns,
} from "./selection.mjs";
import { cellFlags, nameOf, objectKey, segmentKey } from "./visibility.mjs";

const GESTURES = { replace: "", add: " added", remove: " taken away" };

export class Selecting {
  /** @param {{onFlags: Function, onChange: Function}} on */
  constructor(on) {
    this.on = on;
    this.scene = null;
    this.shown = null; // {frame, slots}
    this._clear();
  }

  _clear() {
    this.selection = null;
    this.past = new History();
    this.past.record("0", { selection: null }, 0);
    this.picked = null; // {point, cell}
    this.hidden = new Set();
    this.isolated = null;
    this.hovered = null;
    this.number = 0; // of the present selection, for undo
  }

  setScene(scene) {
    this.scene = scene;
    this.shown = null;
    this.perCell = pointsPerCell(scene);
    this._clear();
    this._tell();
  }

  setShown(shown) {
    this.shown = shown;
    if (this.hidden.size || this.isolated || this.hovered) this._flag();
    this.on.onChange();
  }

  /** For the page's panels. */
  current() {
    const { scene, shown, perCell, selection } = this;
    const picked = this.picked?.cell ?? null;
    return scene && shown && { scene, ...shown, pointsPerCell: perCell, selection, picked };
  }

  // -- the set of cells -----------------------------------------------------------------------

  /** Select a mask of cells; with "add" and "remove" it changes the present set. */
  select(mask, label, rule = { kind: "cells" }, mode = "replace") {
    const isNew = mode === "replace" || !this.selection;
    const all = combined(this.selection?.mask, mask, mode);
    const words = isNew ? label : `${this.selection.label}, ${label}${GESTURES[mode]}`;
    const next = makeSelection(all, this.perCell, words, isNew ? rule : { kind: "cells" });
    this._take(next);
  }

  selectLengths({ which, low, high }) {
    if (!this.shown || !(high > low)) return;
    const { frame } = this.shown;
    const rule = { kind: "length", which, low, high, step: frame.step };
    const label = `length ${which} ODR ${metresRange(low, high)} at step ${frame.step}`;
    this.select(cellsOfLength(frame, rule), label, rule);
  }

  selectCells(cells, label, mode = "replace") {
    if (this.scene) this.select(maskOfCells(this.scene.numCells, cells), label, undefined, mode);
  }

  selectObject(key) {
    const [kind, id] = key.split(":");
    const { frame, slots } = this.shown;
    const label = `${nameOf(key)} at step ${frame.step}`;
    if (kind === "segment") {
      const rule = { kind, segment: Number(id), step: frame.step };
      this.select(cellsOfSegment(frame, Number(id)), label, rule);
      return;
    }
    const row = slots.indexOf(Number(id));
    const rule = { kind: "instance", row, step: frame.step };
    this.select(cellsOfInstance(frame, row), label, rule);
  }

  clearSelection() {
    if (this.selection) this._take(null);
  }

  /** Go to the selection before (-1) or after (1) this one. */
  revisit(by) {
    const state = by < 0 ? this.past.undo() : this.past.redo();
    if (state) this._show(state.selection);
  }

  /** A selection from an undone state or a link, without a place in the history of its own. */
  setSelection(selection) {
    this._take(selection);
  }

  /** The selection that a link tells of, or null; `frame` is the one of the rule's step. */
  selectionOf({ rule, runs }, frame) {
    if (rule.kind === "cells") {
      const mask = readRuns(runs, this.scene.numCells);
      return mask && makeSelection(mask, this.perCell, "a link", rule);
    }
    const words = {
      length: () => `length ${rule.which} ODR ${metresRange(rule.low, rule.high)}`,
      segment: () => `segment ${rule.segment}`,
      instance: () => "a pseudo-instance",
    };
    const label = `${words[rule.kind]()} at step ${rule.step}`;
    return makeSelection(cellsOfRule(frame, rule), this.perCell, label, rule);
  }

  _take(selection) {
    if (selection === this.selection) return;
    this.past.record(String(this.number + 1), { selection }, 0, String(this.number + 1));
    this._show(selection);
  }

  _show(selection) {
    this.selection = selection;
    this.number += 1;
    this._tell();
    const { label, numCells, numPoints } = selection ?? {};
    announce("pointins:selection", selection && { label, numCells, numPoints });
  }

  // -- a point, and objects -------------------------------------------------------------------

  pick(picked) {
    this.picked = picked && { point: picked.point, cell: picked.cell };
    this.on.onChange();
    announce("pointins:pick", this.picked);
  }

  /** The key of {segment} or {instance: row}, as panels say it; null for anything else. */
  keyOf(object) {
    if (object?.segment !== undefined) return segmentKey(object.segment);
    const slot = this.shown?.slots[object?.instance];
    return slot === undefined ? null : objectKey(slot);
  }

  isolate(key) {
    this.isolated = key === this.isolated ? null : key;
    this._tell();
    announce("pointins:isolated", this.isolatedObject());
  }

  /** What is alone, as the panels say it; the row is -1 where the object is not in the frame. */
  isolatedObject() {
    if (!this.isolated) return null;
    const [kind, id] = this.isolated.split(":");
    if (kind === "segment") return { segment: Number(id) };
    return { instance: this.shown?.slots.indexOf(Number(id)) ?? -1 };
  }

  hide(key, isHidden = !this.hidden.has(key)) {
    if (isHidden) this.hidden.add(key);
    else this.hidden.delete(key);
    this._tell();
  }

  showAll() {
    this.hidden.clear();
    const wasAlone = this.isolated;
    this.isolated = null;
    this._tell();
    if (wasAlone) announce("pointins:isolated", null);
  }

  setHidden(hidden, isolated) {
    const before = this.isolated;
    this.hidden = new Set(hidden);
    this.isolated = isolated ?? null;
    this._tell();
    if (before !== this.isolated) announce("pointins:isolated", this.isolatedObject());
  }

  hover(key) {
    if (key === this.hovered) return;
    this.hovered = key;
    this._flag();
  }

  _tell() {
    this._flag();
    this.on.onChange();
  }

  _flag() {
    const { shown, hidden, isolated, hovered, selection, scene } = this;
    if (!scene) return;
    const mask = selection?.mask ?? null;
    if (shown) this.on.onFlags(cellFlags(shown, { mask, hidden, isolated, hovered }));
    else this.on.onFlags(mask); // a mask's ones are the flag of what is selected
  }
}

/** What the chip says. */
export function chipText({ label, numPoints }) {
  return `selection: ${count(numPoints)} points from ${label}`;
}

function metresRange(low, high) {
  const digits = high < 0.995 ? 3 : 2;
  return `${Number(low.toFixed(digits))}–${Number(high.toFixed(digits))} m`;
}

function announce(name, detail) {
  document.dispatchEvent(new CustomEvent(name, { detail }));
}

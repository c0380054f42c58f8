/**
 * The view in the page's address, and in a history of views that can be undone. Looks a few times a
 * second at most, and not while the time moves by itself.
 */

import { MOST_LINK_BYTES } from "../choose/selection.mjs";
import { throttled } from "./dom.mjs";
import { History } from "./history.mjs";
import { writeView } from "./address.mjs";
import { AddressBar } from "./address_bar.mjs";

const EVERY_MS = 400; // browsers allow some hundred changes of an address in 30 s

export class Remembering {
  /**
   * @param {() => ?{view: object, selection: object}} capture null while there is nothing to keep
   * @param {(state: object) => void} show
   */
  constructor(capture, show) {
    this.capture = capture;
    this.show = show;
    this.addressBar = new AddressBar();
    this.past = new History();
    this.last = null;
    this.note = throttled(EVERY_MS, () => this._note());
  }

  /** The present view as the end of an address, and whether its selection had room in it. */
  link() {
    const state = this.capture();
    return state && { hash: writeView(fitted(state.view)), isWhole: isShort(state.view) };
  }

  undo() {
    this._note();
    this._go(this.past.undo());
  }

  redo() {
    this._go(this.past.redo());
  }

  close() {
    this.isClosed = true;
  }

  _go(state) {
    if (!state) return;
    this.last = state.view;
    this.show(state);
  }

  _note() {
    const state = this.isClosed ? null : this.capture();
    if (!state) return;
    const hash = writeView(fitted(state.view));
    const key = `${hash} ${state.selection?.numCells ?? 0} ${state.selection?.label ?? ""}`;
    this.past.record(key, state, performance.now(), changedBetween(this.last, state.view));
    this.last = state.view;
    this.addressBar.show(hash);
  }
}

function isShort({ selection }) {
  return !selection?.runs || selection.runs.length <= MOST_LINK_BYTES;
}

/** Without what would make the address too long. */
function fitted(view) {
  return isShort(view) ? view : { ...view, selection: null };
}

/** Names of the values that differ; slots come with the step. */
function changedBetween(before, after) {
  if (!before) return "all";
  return Object.keys(after)
    .filter(
      (name) => name !== "slots" && JSON.stringify(before[name]) !== JSON.stringify(after[name]),
    )
    .join(" ");
}

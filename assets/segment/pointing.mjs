/**
 * The pointer in the picture: what lies under it, what a click chooses, what an outline holds; and
 * the marks on cells that come of it. A part of `ResultShell`.
 */

import { attachLasso } from "../viewport/choose/lasso.mjs";
import { combined, maskOfCells } from "../viewport/choose/selection.mjs";
import { CELL } from "../viewport/draw/cell_flags.mjs";
import { throttled } from "../viewport/page/dom.mjs";
import { nameOf } from "./instances.mjs";

const EVERY_MS = 60; // reading a pixel back waits for the picture

export class Pointing {
  constructor(shell) {
    this.shell = shell;
    this.hovered = null; // {id, pane, isFromPicture}
    this.hands = new AbortController();
  }

  /** The picture is there: take the pointer. */
  attach() {
    const { shell } = this;
    const { canvas } = shell.view;
    const { signal } = this.hands;
    attachLasso(shell.stage, canvas, {
      tool: () => shell.tool,
      onDraw: (polygon) => shell.marks.drawLasso(polygon),
      onSelect: (polygon, mode) => this._outline(polygon, mode),
      onPick: (x, y, event) => this._pick(x, y, event),
      signal,
    });
    const point = throttled(EVERY_MS, (x, y) => this._point(x, y));
    const moved = (event) => {
      const { left, top } = canvas.getBoundingClientRect();
      if (event.buttons === 0) point(event.clientX - left, event.clientY - top);
      else shell.overlay.point(null);
    };
    canvas.addEventListener("pointermove", moved, { signal });
    canvas.addEventListener("pointerleave", () => point(-1, -1), { signal });
  }

  dispose() {
    this.hands.abort();
  }

  /** Point at an object of a pane, or at none (null). */
  hover(id, pane, isFromPicture) {
    if (id === (this.hovered?.id ?? null) && pane === (this.hovered?.pane ?? 0)) return;
    this.hovered = id === null ? null : { id, pane, isFromPicture };
    this.flag();
    this.mark();
  }

  /** Tell the list. */
  mark() {
    const { hovered, shell } = this;
    const id = hovered?.pane === 0 ? hovered.id : null;
    shell.side.list.mark(shell.editing.chosen, id, Boolean(hovered?.isFromPicture));
  }

  /** Tell the picture which cells are chosen and which lie under the pointer. */
  flag() {
    const { hovered, shell } = this;
    const { editing, layers, view } = shell;
    if (!view || !layers.main) return;
    const { chosen, region } = editing;
    if (!chosen.size && !region && !hovered) {
      view.setCells(null);
      return;
    }
    const { labels } = editing.state;
    const under = hovered?.pane === 1 ? layers.beside?.labels : labels;
    const flags = new Uint8Array(labels.length);
    for (let cell = 0; cell < flags.length; cell++) {
      if (region ? region[cell] : chosen.has(labels[cell])) flags[cell] |= CELL.selected;
      if (hovered && under?.[cell] === hovered.id) flags[cell] |= CELL.hovered;
    }
    view.setCells(flags);
  }

  /** The object at a place of the canvas: {id, pane}; id is null beside all objects. */
  _objectAt(x, y) {
    const { layers, editing, view } = this.shell;
    const hit = x < 0 || !layers.main ? null : view.pick(x, y);
    if (!hit) return { id: null, pane: 0 };
    const labels = hit.pane === 1 ? layers.beside?.labels : editing.state.labels;
    const id = labels?.[hit.cell] ?? -1;
    const isShown = hit.pane === 1 || layers.shown.some((row) => row.id === id);
    return { id: id >= 0 && isShown ? id : null, pane: hit.pane };
  }

  _point(x, y) {
    const { layers, session, overlay, isGone } = this.shell;
    if (isGone) return;
    const { id, pane } = this._objectAt(x, y);
    this.hover(id, pane, true);
    const rows = pane === 1 ? session.layer(layers.beside?.layer)?.instances : layers.rows;
    const row = id === null ? null : rows?.find((one) => one.id === id);
    const score = row?.isMade ? "made by hand" : `score ${row?.score.toFixed(2)}`;
    overlay.point(row ? { text: `${nameOf(row)} · ${score}`, x, y } : null);
  }

  _pick(x, y, { shiftKey, ctrlKey, metaKey }) {
    const { layers, editing, side } = this.shell;
    const { id, pane } = this._objectAt(x, y);
    if (!layers.main || pane === 1) return;
    editing.choose(id, shiftKey || ctrlKey || metaKey);
    if (id !== null) side.list.reveal(id);
  }

  _outline(polygon, mode) {
    const { layers, editing, session, view } = this.shell;
    if (!layers.main) return;
    const cells = view.cellsInside(polygon, view.paneAt(...polygon[0]));
    const mask = maskOfCells(session.scene.numCells, cells);
    const region = combined(editing.region, mask, mode);
    editing.chooseRegion(region.some((value) => value) ? region : null);
  }

  /** Where in the page an object can be clicked; null if it is hidden behind others. For tests. */
  placeOf(id) {
    const { session, editing, view } = this.shell;
    const { cellCoord, scale } = session.scene;
    const { left, top } = view.canvas.getBoundingClientRect();
    const { labels } = editing.state;
    for (let cell = 0; cell < labels.length; cell++) {
      if (labels[cell] !== id) continue;
      const at = view.project([0, 1, 2].map((axis) => cellCoord[3 * cell + axis] * scale));
      if (at && this._objectAt(...at).id === id) return [at[0] + left, at[1] + top];
    }
    return null;
  }
}

/**
 * What one chooses in the picture of a run, with all that shows it: tools, selection, picked point,
 * hidden objects, panes and comparison. A part of `Shell`, which it tells what to draw anew.
 */

import { Comparing } from "./comparing.mjs";
import { make } from "../page/dom.mjs";
import { Inspecting } from "./inspecting.mjs";
import { attachLasso } from "./lasso.mjs";
import { Marks } from "./marks.mjs";
import { Selecting } from "./selecting.mjs";
import { SelectionCard } from "./selection_card.mjs";
import { SelectionChip } from "./selection_chip.mjs";
import { makeTools } from "../page/toolbar.mjs";

export class Choosing {
  constructor(shell) {
    this.shell = shell;
    this.tool = "orbit";
    this.comparing = new Comparing();
    this.selecting = new Selecting({
      onFlags: (flags) => shell.view?.setCells(flags),
      onChange: () => shell.refresh(),
    });
    const { selecting } = this;
    this.marks = new Marks();
    this.tools = makeTools((tool) => this.setTool(tool));
    this.tools.set(this.tool);
    this.chip = new SelectionChip({
      onClear: () => selecting.clearSelection(),
      onShowAll: () => selecting.showAll(),
      onEndCompare: () => this.compare(null),
    });
    this.card = new SelectionCard({
      onClear: () => selecting.clearSelection(),
      onForget: () => selecting.pick(null),
      onSelect: (key) => selecting.selectObject(key),
      onHide: (key) => selecting.hide(key),
      onIsolate: (key) => selecting.isolate(key),
      onHover: (key) => selecting.hover(key),
      onShowAll: () => selecting.showAll(),
    });
    this.names = make("div", { class: "vp-pane-names" });
    this.message = make("div", { class: "vp-message", attributes: { role: "status" } });
    this.message.hidden = true;
    this.elements = [
      this.marks.element,
      this.names,
      make("div", { class: "vp-left" }, this.tools.element, this.chip.element),
      this.message,
    ];
  }

  /** The picture is there: take the pointer. */
  attach() {
    const { shell, selecting } = this;
    attachLasso(shell.stage, shell.view.canvas, {
      tool: () => this.tool,
      onDraw: (polygon) => this.marks.drawLasso(polygon),
      onSelect: (polygon, mode, tool) => {
        const cells = shell.view.cellsInside(polygon, shell.view.paneAt(...polygon[0]));
        selecting.selectCells(cells, `a ${tool}`, mode);
      },
      onPick: (x, y) => shell.session.scene && selecting.pick(shell.view.pick(x, y)),
      signal: (this.hands = new AbortController()).signal,
    });
  }

  watch(session) {
    this.inspecting = new Inspecting(session, () => this.shell.refresh());
  }

  setScene(scene) {
    this.comparing.shown = null;
    this._setLayout("one", null);
    this.selecting.setScene(scene);
    this.inspecting?.clear();
  }

  setShown(shown) {
    this.comparing.setShown(shown);
    this.selecting.setShown(shown);
  }

  refresh() {
    const { selecting, comparing, inspecting, shell } = this;
    if (!inspecting || selecting.scene !== shell.session.scene) return; // another one is on its way
    const { scene, shown, selection, picked, hidden, isolated, perCell } = selecting;
    inspecting.update(scene, shown, picked);
    const { facts, around, neighbours } = inspecting;
    this.chip.update({
      selection,
      hidden,
      isolated,
      shown,
      pinned: comparing.pinned,
      figures: comparing.figures,
    });
    this.card.update({ scene, shown, perCell, selection, picked, hidden, isolated }, facts, around);
    this.marks.show(picked && { scene, picked, neighbours });
    this.place();
    this.tools.set(this.tool, !scene);
    shell.stage.dataset.tool = this.tool;
  }

  /** The camera has moved: so do the marks. */
  place() {
    const { view, looks } = this.shell;
    if (!view || !looks) return;
    const { t } = view.look;
    this.marks.place(
      view,
      looks.map(({ votes }) => ({ t, votes })),
    );
    this._name();
  }

  // -- tools ----------------------------------------------------------------------------------

  setTool(tool) {
    this.tool = tool;
    this.tools.set(tool);
    this.shell.stage.dataset.tool = tool;
    this.shell.remembering?.note();
  }

  /** Take back one thing that was chosen; false where nothing was. */
  escape() {
    const { selecting } = this;
    if (selecting.selection) selecting.clearSelection();
    else if (selecting.picked) selecting.pick(null);
    else if (this.tool !== "orbit") this.setTool("orbit");
    else return false;
    return true;
  }

  commands() {
    const { selecting } = this;
    return {
      tool: (tool) => this.setTool(tool),
      earlierSelection: () => selecting.revisit(-1),
      laterSelection: () => selecting.revisit(1),
      showAll: () => selecting.showAll(),
      panes: (preset) => this.setPanes(preset),
      compare: () => this.compare(this.comparing.pinned ? null : this.shell.session.player.shown),
    };
  }

  // -- panes ----------------------------------------------------------------------------------

  setPanes(preset) {
    this._setLayout(preset, null);
    this._redraw();
  }

  /** Hold a frame to compare with, or (null) end the comparison. */
  async compare(step) {
    const { session } = this.shell;
    if (step === null || !session.scene) {
      this._setLayout("one", null);
      this._redraw();
      return;
    }
    const { scene, shown } = session;
    const isShown = shown?.frame.step === step;
    const frame = isShown ? shown.frame : await session.frames.get(step).catch(() => null);
    if (!frame) this.shell.say(`Step ${step} has no frame to compare with.`);
    if (!frame || session.scene !== scene) return;
    const slots = isShown ? shown.slots : session.slotsLike(frame);
    this._setLayout("one", { frame, slots });
    this._redraw();
  }

  _setLayout(preset, pinned) {
    const { shell, comparing } = this;
    const wasPinned = comparing.pinned;
    comparing.preset = preset;
    comparing.setPinned(pinned);
    if (wasPinned || pinned) shell.session?.setAnchor(pinned);
    if (shell.session) comparing.setShown(shell.session.shown);
    if (!pinned && shell.base.colouring === "difference") shell.base.colouring = "instance";
    shell.view?.setLayout(comparing.numPanes);
  }

  /** The panes have changed: deal out frames and looks. */
  _redraw() {
    const { shell } = this;
    shell.look({});
    shell.showFrames();
  }

  /** A word above each pane, where there are several. */
  _name() {
    const names = this.comparing.names();
    const boxes = names.map((_, pane) => this.shell.view.panes[pane].rect);
    const key = JSON.stringify([names, boxes]);
    if (key === this.named) return;
    this.named = key;
    this.names.replaceChildren(
      ...names.map((text, pane) => {
        const name = make("span", { class: "vp-pane-name vp-num", text });
        const { x, y, width } = boxes[pane];
        Object.assign(name.style, { left: `${x + width / 2}px`, top: `${y + 10}px` });
        return name;
      }),
    );
  }

  // -- for others -----------------------------------------------------------------------------

  say(text) {
    this.message.textContent = text;
    this.message.hidden = !text;
  }

  state() {
    const { selection, picked, hidden, isolated } = this.selecting;
    return {
      selected: selection?.numPoints ?? 0,
      picked,
      hidden: [...hidden],
      isolated,
      tool: this.tool,
      panes: this.comparing.numPanes,
      compared: this.comparing.pinned?.frame.step ?? null,
      difference: this.comparing.figures && {
        ari: this.comparing.figures.ari,
        share: this.comparing.figures.share,
      },
    };
  }
}

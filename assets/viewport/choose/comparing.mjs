/**
 * Panes side by side with one camera: two looks of one frame, or one look of two frames. Decides
 * what each pane shows; knows neither network nor page.
 */

import {
  adjustedRandIndex,
  changedCells,
  changedShare,
  differenceColors,
  painted,
} from "./compare.mjs";

/** What each pane shows otherwise than the rest of the look. */
export const PRESETS = {
  one: { label: "1 pane", panes: [{}] },
  odr: {
    label: "ODR before | after",
    panes: [
      { name: "before ODR", look: { votes: "before" } },
      { name: "after ODR", look: { votes: "after" } },
    ],
  },
  groups: {
    label: "Segments | instances",
    panes: [
      { name: "segments", look: { colouring: "segment" } },
      { name: "pseudo-instances", look: { colouring: "instance" } },
    ],
  },
  four: {
    label: "4 panes",
    panes: [
      { name: "input", look: { colouring: "input" } },
      { name: "segments", look: { colouring: "segment" } },
      { name: "pseudo-instances, before ODR", look: { colouring: "instance", votes: "before" } },
      { name: "pseudo-instances, after ODR", look: { colouring: "instance", votes: "after" } },
    ],
  },
};

export class Comparing {
  constructor() {
    this.preset = "one";
    this.pinned = null; // {frame, slots}: the frame to compare with
    this.shown = null;
    this.figures = null; // {ari, changed, numChanged, share}
  }

  get numPanes() {
    return this.pinned ? 2 : PRESETS[this.preset].panes.length;
  }

  /** Whether the panes decide on a part of the look themselves. */
  decides(name) {
    return !this.pinned && PRESETS[this.preset].panes.some(({ look }) => look && name in look);
  }

  setPreset(preset) {
    this.preset = preset;
    this.setPinned(null);
  }

  setPinned(pinned) {
    this.pinned = pinned;
    this._measure();
  }

  setShown(shown) {
    this.shown = shown;
    this._measure();
  }

  _measure() {
    const { pinned, shown } = this;
    this.figures = null;
    if (!pinned || !shown) return;
    const changed = changedCells(shown.frame, shown.slots, pinned.frame, pinned.slots);
    this.figures = {
      changed,
      ari: adjustedRandIndex(pinned.frame.instance, shown.frame.instance),
      share: changedShare(shown.frame, pinned.frame, changed),
    };
  }

  /**
   * The looks of all panes.
   * @param {object} base what the toolbar asks for @param {(votes: string) => object} themed the
   *   colours that go with votes
   */
  looks(base, themed) {
    const own = this.pinned ? [{}, {}] : PRESETS[this.preset].panes.map(({ look }) => look ?? {});
    return own.map((look) => {
      const all = { ...base, ...look };
      // The renderer colours features by `pca`, which a painted frame has other bytes in.
      const colouring = all.colouring === "difference" ? "features" : all.colouring;
      return { ...all, ...themed(all.votes), colouring };
    });
  }

  /** The frames of all panes, coloured by their difference where that is asked for. */
  frames(colouring, quiet, none) {
    if (!this.pinned) return Array(this.numPanes).fill(this.shown);
    if (!this.shown) return [null, this.pinned];
    if (colouring !== "difference") return [this.shown, this.pinned];
    const { changed } = this.figures;
    return [this.shown, this.pinned].map(({ frame, slots }) => ({
      frame: painted(frame, differenceColors(frame, slots, changed, { quiet, none })),
      slots,
    }));
  }

  /** A word for each pane; none where there is one. */
  names() {
    if (this.numPanes === 1) return [];
    if (!this.pinned) return PRESETS[this.preset].panes.map(({ name }) => name);
    return [
      this.shown ? `this frame, step ${this.shown.frame.step}` : "this frame",
      `compared with step ${this.pinned.frame.step}`,
    ];
  }
}

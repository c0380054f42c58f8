/**
 * What each cell looks like: the colour of the colourings that belong to cells, and marks in the
 * fourth byte. M cells; a frame or a selection is M texels, however many points there are.
 */

import { CELL, anyOf } from "./cell_flags.mjs";
import { categoryTexels, heightColor } from "./palette.mjs";
import { NO_SEGMENT } from "./records.mjs";

/** What the fourth byte of a cell says. */
export const MARK = { faint: 1, hovered: 2, unassigned: 4 };

/**
 * Four bytes a cell: red, green, blue, marks. Colourings of points leave the colour out.
 *
 * @param {{colouring: string, scene: object, frame: ?object, slots: ?Int32Array,
 *   flags: ?Uint8Array, look: {unassigned: number[], planeColor: number[]}}} picture
 * @returns {Uint8Array}
 */
export function cellTexels({ colouring, scene, frame, slots, flags, look }) {
  const { numCells } = scene;
  const texels = new Uint8Array(4 * numCells);
  const words = new Uint32Array(texels.buffer);
  const none = word(look.unassigned);
  if (colouring === "features") {
    for (let cell = 0; cell < numCells; cell++) {
      for (let k = 0; k < 3; k++) texels[4 * cell + k] = frame.pca[3 * cell + k];
    }
  } else if (colouring === "segment") {
    const colors = table(NO_SEGMENT, null);
    for (let cell = 0; cell < numCells; cell++) words[cell] = colors[frame.segment[cell]] ?? none;
  } else if (colouring === "instance") {
    const colors = table(frame.numInstances, slots);
    for (let cell = 0; cell < numCells; cell++) words[cell] = colors[frame.instance[cell]] ?? none;
  } else if (colouring === "score") {
    const colors = Array.from(frame.score, (score) => word(heightColor(score)));
    for (let cell = 0; cell < numCells; cell++) words[cell] = colors[frame.instance[cell]] ?? none;
  } else if (colouring === "plane") {
    const plane = word(look.planeColor);
    const { cellIsPlane } = scene;
    for (let cell = 0; cell < numCells; cell++) words[cell] = cellIsPlane[cell] ? plane : none;
  }
  mark(texels, frame?.instance, flags);
  return texels;
}

function mark(texels, instance, flags) {
  const hasSelection = anyOf(flags).selected;
  for (let cell = 0; 4 * cell < texels.length; cell++) {
    const flag = flags?.[cell] ?? 0;
    let marks = instance && instance[cell] < 0 ? MARK.unassigned : 0;
    if (flag & CELL.hovered) marks |= MARK.hovered;
    else if (hasSelection && !(flag & CELL.selected)) marks |= MARK.faint;
    texels[4 * cell + 3] = marks;
  }
}

/** A colour as the first three bytes of a texel. */
function word([red, green, blue]) {
  return new Uint32Array(Uint8Array.of(red, green, blue, 0).buffer)[0];
}

function table(count, slots) {
  return new Uint32Array(categoryTexels(count, slots).buffer);
}

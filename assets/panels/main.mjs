/**
 * The panels of ODR and SCR: what they show is asked for here, and selections go both ways between
 * them and the viewport. The viewport says by events when a frame is drawn, what is selected, what
 * is picked and what is isolated.
 */

import { Hold } from "./charts.mjs";
import { Latest } from "./latest.mjs";
import { OdrPanel } from "./odr_panel.mjs";
import { ScrPanel } from "./scr_panel.mjs";

const viewport = () => window.pointinsViewport ?? null;
const odr = new OdrPanel(viewport);
const scr = new ScrPanel(viewport);
const latest = new Latest();
const hold = new Hold(() => {
  want(lastCursor);
  setTimeout(paint); // after what the chart itself makes of the release
});
let lastCursor = null;

/** Ask for the panels of the frame under the cursor, if it is time to. */
export function want(cursor, answered = null) {
  lastCursor = cursor ?? null;
  if (answered !== null) latest.answered(answered);
  odr.attach();
  scr.attach();
  const question = latest.next(lastCursor && { ...lastCursor, following: undefined }, {
    now: performance.now(),
    isHeld: hold.isHeld,
  });
  if (question) window.dash_clientside.set_props("frame-wanted", { data: question });
}

export function isHeld() {
  return hold.isHeld;
}

function paint() {
  if (hold.isHeld || !document.getElementById("odr-lengths")) return;
  odr.attach();
  scr.attach();
  odr.paint();
  scr.paint();
}
for (const name of ["frame", "selection", "pick", "isolated"]) {
  document.addEventListener(`pointins:${name}`, paint);
}

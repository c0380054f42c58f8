/**
 * A view of a run as plain values, and back: what a link holds and what undo goes back to. The
 * parts that are shown are those of a `Shell`.
 */

import { writeRuns } from "../choose/selection.mjs";

const PLAIN = {
  votes: "before",
  centroids: true,
  arrows: [],
  trailFrames: null, // as the page begins
  panes: "one",
  compared: null,
  slots: null,
  hidden: [],
  isolated: null,
  picked: null,
  selection: null,
  tool: "orbit",
};

/** {view, selection} of what is on screen; null while there is nothing or time moves by itself. */
export function captured(shell) {
  const { session, view, choosing, base } = shell;
  const { player, shown } = session;
  if (
    !session.scene ||
    shell.pending ||
    shell.isShowing ||
    player.playing ||
    player.wanted() !== null
  )
    return null;
  const { selecting, comparing, tool } = choosing;
  const { selection, picked, hidden, isolated } = selecting;
  const { t, walls, size, centroids } = view.look;
  const isCounted = shown?.slots.every((slot, row) => slot === row) ?? true;
  return {
    view: {
      scene: session.sceneId,
      step: player.following ? null : player.shown,
      slots: player.following || isCounted ? null : shown.slots,
      ...base,
      trailFrames: base.trailFrames === shell.firstTrailFrames ? null : base.trailFrames,
      walls,
      t: Math.round(t * 1e4) / 1e4,
      size,
      centroids,
      camera: view.isHome || view.turn ? null : view.camera,
      panes: comparing.preset,
      compared: comparing.pinned?.frame.step ?? null,
      hidden: [...hidden],
      isolated,
      picked: picked?.point ?? null,
      selection: selection && linked(selection),
      tool,
    },
    selection,
  };
}

const runs = new WeakMap(); // selection -> its cells as text

function linked(selection) {
  const { rule, mask } = selection;
  if (rule.kind !== "cells") return { rule };
  if (!runs.has(selection)) runs.set(selection, writeRuns(mask));
  return { rule, runs: runs.get(selection) };
}

/** What a saved picture says of itself, by key. */
export function textsOf({ session, view, base, run, remembering }) {
  const { sceneId, player, info } = session;
  const { target, distance, yaw, pitch } = view.camera;
  return {
    Software: `PointINS Studio ${info.engine}`.trim(),
    Run: run,
    "Run uid": info.version.split("-")[0],
    Scene: sceneId,
    Step: player.shown ?? "",
    Colouring: base.colouring,
    Camera: JSON.stringify({ target, distance, yaw, pitch }),
    View: `${location.pathname}${remembering.link()?.hash ?? ""}`,
    "Creation Time": new Date().toISOString(),
  };
}

/** Show a captured state again, in the scene that is open or after opening another. */
export async function shownAgain(shell, { view, selection }) {
  const { session } = shell;
  session.asked = { scene: view.scene, step: view.step, slots: view.slots };
  const goTo = (player) => {
    if (view.step === null) player.follow();
    else if (view.step !== undefined) player.seek(view.step);
  };
  if (view.scene && view.scene !== session.sceneId) {
    shell.pending = { ...view, restored: selection };
    goTo(session.player);
    session.openScene(view.scene);
    return;
  }
  shell.isShowing = true;
  try {
    shownAgain.look(shell, view);
    await shownAgain.choice(shell, { ...view, restored: selection });
    session.steer((player) => {
      player.playing = false;
      goTo(player);
    });
  } finally {
    shell.isShowing = false;
  }
}

/** Camera and look, which need a scene only. */
shownAgain.look = (shell, asked) => {
  const { colouring, walls, t = 0, size = 1, camera } = asked;
  const { votes, centroids, arrows, trailFrames, tool } = { ...PLAIN, ...asked };
  const set = {
    votes,
    t,
    size,
    centroids,
    arrows,
    trailFrames: trailFrames ?? shell.firstTrailFrames,
  };
  if (colouring && colouring !== "difference") set.colouring = colouring;
  if (walls) set.walls = walls;
  shell.look(set);
  shell.choosing.setTool(tool);
  if (camera) {
    shell.view.turn = null;
    shell.view.isHome = false;
    shell.view.setCamera({ ...shell.view.camera, ...camera });
  } else if (!shell.view.isHome) shell.view.resetCamera(false);
};

/** Panes, selection and the rest of what is about a frame's cells. */
shownAgain.choice = async (shell, asked) => {
  const { session, choosing } = shell;
  const { selecting, comparing } = choosing;
  const { panes, compared, hidden, isolated, picked, selection } = { ...PLAIN, ...asked };
  if (panes !== comparing.preset) choosing.setPanes(panes);
  if (compared !== (comparing.pinned?.frame.step ?? null)) await choosing.compare(compared);
  if (asked.colouring === "difference" && comparing.pinned) shell.look({ colouring: "difference" });
  selecting.setHidden(hidden, isolated);
  const cellOf = session.scene.cellIndex;
  selecting.pick(
    picked !== null && picked < cellOf.length ? { point: picked, cell: cellOf[picked] } : null,
  );
  if (asked.restored !== undefined) selecting.setSelection(asked.restored);
  else selecting.setSelection(selection && (await made(session, selecting, selection)));
};

/** The selection of a link; null where its frame is gone. */
async function made(session, selecting, linkedSelection) {
  const { scene } = session;
  const { step } = linkedSelection.rule;
  const frame = step === undefined ? null : await session.frames.get(step).catch(() => null);
  if (session.scene !== scene || (step !== undefined && !frame)) return null;
  return selecting.selectionOf(linkedSelection, frame);
}

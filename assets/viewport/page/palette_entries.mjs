/** What the palette offers on the page of a run: the table of commands, and what this run has. */

import { commandsOf } from "./keys.mjs";
import { COLOURINGS } from "./toolbar.mjs";
import { inputKind } from "../draw/records.mjs";

/** @param {object} shell @param {string} letters what was typed; a number is a step */
export function entriesFor(shell, letters) {
  const { session } = shell;
  const does = shell.commands();
  const fixed = commandsOf("run")
    .filter(({ name }) => name && name !== "leave" && name !== "palette")
    .map(({ group, text, keys, name, argument }) => {
      return { group, text, keys, run: () => does[name](argument) };
    });
  return [
    ...steps(session, letters),
    ...steering(),
    ...fixed,
    ...scenes(session),
    ...colourings(shell),
  ];
}

function steps({ player }, letters) {
  const asked = letters.match(/\d+/);
  if (!asked || !player.steps.length) return [];
  const step = player.nearest(Number(asked[0]));
  const nearest = step === Number(asked[0]) ? "" : `, nearest frame ${step}`;
  const text = `go to step ${asked[0]}${nearest}`;
  const run = () => window.pointinsViewport.seek(step);
  return [{ group: "Time", text, run }];
}

function steering() {
  return (window.pointinsSteering?.commands() ?? [])
    .filter(({ enabled }) => enabled)
    .map(({ title, run }) => ({ group: "Trainer", text: title, run }));
}

function scenes(session) {
  return session.scenes.map((id) => {
    return { group: "Scene", text: id, run: () => session.openScene(id) };
  });
}

function colourings(shell) {
  const { scene } = shell.session;
  const has = {
    input: scene && inputKind(scene),
    truth: scene?.instance,
    difference: shell.choosing.comparing.pinned,
  };
  return Object.entries(COLOURINGS)
    .filter(([colouring]) => !(colouring in has) || has[colouring])
    .map(([colouring, label]) => {
      return { group: "Colour by", text: label, run: () => shell.look({ colouring }) };
    });
}

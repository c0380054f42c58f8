/** The list of keys, over the picture. */

import { make } from "./dom.mjs";
import { commandsOf } from "./keys.mjs";

export function makeHelp(onClose, page) {
  const commands = commandsOf(page).filter(({ keys }) => keys.length);
  const groups = [...new Set(commands.map(({ group }) => group))];
  const panel = make(
    "div",
    { class: "vp-help", label: "Keyboard", attributes: { role: "dialog" } },
    make(
      "div",
      { class: "vp-help-head" },
      make("strong", { text: "Keyboard" }),
      make("span", {
        class: "vp-quiet",
        text: "single keys while the picture or the timeline has focus, chords anywhere",
      }),
      make("button", {
        class: "vp-button vp-close",
        text: "×",
        label: "Close",
        attributes: { type: "button" },
        on: { click: onClose },
      }),
    ),
    make("div", { class: "vp-help-groups" }, ...groups.map((group) => listOf(group, commands))),
    make("p", {
      class: "vp-quiet",
      text:
        {
          run:
            "Drag to turn, right or Shift drag to move, wheel to zoom to it, click to pick. " +
            "With box and lasso Shift adds and Alt takes away.",
          segment:
            "Drag to turn, right or Shift drag to move, wheel to zoom, click an object to choose " +
            "it, Shift-click for more. With box and lasso Shift adds and Alt takes away.",
        }[page] ?? "Drag to turn, right or Shift drag to move, wheel to zoom to the pointer.",
    }),
  );
  panel.hidden = true;
  return panel;
}

function listOf(group, commands) {
  const rows = commands.filter((command) => command.group === group);
  return make(
    "dl",
    { label: group },
    ...rows.flatMap(({ keys, text }) => [make("dt", {}, keyboard(keys)), make("dd", { text })]),
  );
}

/** Keys as they look on a keyboard. */
export function keyboard(keys) {
  return make(
    "span",
    {},
    ...keys.map((key) => make("kbd", { text: key.replaceAll("+", " + ").trim() || key })),
  );
}

/** The list of keys, over the picture. */

import { make } from "./dom.mjs";
import { SHORTCUTS } from "./keys.mjs";

export function makeHelp(onClose) {
  const rows = SHORTCUTS.flatMap(([keys, meaning]) => [
    make("dt", {}, ...keys.split(" ").map((key) => make("kbd", { text: key }))),
    make("dd", { text: meaning }),
  ]);
  const panel = make(
    "div",
    { class: "vp-help", label: "Keyboard", attributes: { role: "dialog" } },
    make(
      "div",
      { class: "vp-help-head" },
      make("strong", { text: "Keyboard" }),
      make("span", { class: "vp-quiet", text: "while the viewport or the timeline has focus" }),
      make("button", {
        class: "vp-button vp-close",
        text: "×",
        label: "Close",
        attributes: { type: "button" },
        on: { click: onClose },
      }),
    ),
    make("dl", {}, ...rows),
    make("p", {
      class: "vp-quiet",
      text: "Drag to turn, right or Shift drag to move, wheel to zoom to the pointer.",
    }),
  );
  panel.hidden = true;
  return panel;
}

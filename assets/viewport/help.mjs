/** The list of keys, over the picture. */

import { make } from "./dom.mjs";

export function makeHelp(onClose, shortcuts) {
  const rows = shortcuts.flatMap(([keys, meaning]) => [
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
      make("span", { class: "vp-quiet", text: "while the picture or what belongs to it has focus" }),
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

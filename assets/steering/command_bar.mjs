/** Buttons for the trainer; which there are follows from what it is doing. */

import { make, svg } from "../viewport/page/dom.mjs";

const BUTTONS = {
  pause: {
    text: "Pause",
    path: "M4.5 3h2.4v10H4.5zM9.1 3h2.4v10H9.1z",
    title: "Wait after this step",
  },
  resume: { text: "Resume", path: "M5 3.2v9.6L13 8z", title: "Go on" },
  step: {
    text: "One step",
    path: "M3.5 3.5v9L9.5 8zM10.8 3.5h1.7v9h-1.7z",
    title:
      "Exactly one optimiser step, then a frame, then pause. Pick a point first: its card shows " +
      "what ODR and SCR did to it.",
  },
  frame: {
    text: "Frame",
    path: "M6 3.2 5 4.8H2.8v8h10.4v-8H11l-1-1.6zM8 6.2a2.6 2.6 0 1 1 0 5.2 2.6 2.6 0 0 1 0-5.2z",
    title: "Write a frame after this step",
  },
  checkpoint: {
    text: "Checkpoint",
    path: "M3 3h8.2L13 4.8V13H3zM5.2 4.4v2.8h5V4.4zM5.2 9.2v2.6h5.6V9.2z",
    title: "Save a checkpoint after this step",
  },
  stop: { text: "Stop", path: "M4 4h8v8H4z", title: "Save a checkpoint and end the training" },
};

export class CommandBar {
  /** @param {{onCommand: (command: string) => void}} ask */
  constructor({ onCommand }) {
    this.onCommand = onCommand;
    this.buttons = Object.fromEntries(
      Object.entries(BUTTONS).map(([command, { text, path, title }]) => [
        command,
        make(
          "button",
          {
            class: "button",
            title,
            attributes: { type: "button", "data-command": command },
            on: { click: () => (command === "stop" ? this._ask() : onCommand(command)) },
          },
          svg(
            "svg",
            { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" },
            svg("path", { d: path, fill: "currentColor", "fill-rule": "evenodd" }),
          ),
          text,
        ),
      ]),
    );
    this.row = make("div", { class: "st-row" }, ...Object.values(this.buttons));
    this.hint = make("p", { class: "caption" });
    this.question = this._question();
    const attributes = { role: "group" };
    this.element = make(
      "div",
      { class: "st-commands", label: "Commands to the trainer", attributes },
      this.row,
      this.question,
      this.hint,
    );
  }

  offered(status) {
    const change = status === "paused" ? "resume" : "pause";
    return [change, "step", "frame", "checkpoint", "stop"];
  }

  update({ status, isSteerable }) {
    const offered = this.offered(status);
    const had = document.activeElement;
    for (const [command, button] of Object.entries(this.buttons)) {
      button.hidden = !offered.includes(command);
      button.disabled = !isSteerable;
      button.classList.toggle("is-main", command === "resume");
    }
    if (had === this.buttons.pause && had.hidden) this.buttons.resume.focus();
    if (had === this.buttons.resume && had.hidden) this.buttons.pause.focus();
    this.hint.textContent =
      status === "paused"
        ? "Pick a point, then take one step: its card shows what ODR and SCR did to it."
        : "";
  }

  _question() {
    const button = (text, name, onClick) =>
      make("button", {
        class: `button ${name}`,
        text,
        attributes: { type: "button" },
        on: { click: onClick },
      });
    this.keep = button("Keep training", "", () => this._close());
    const question = make(
      "div",
      {
        class: "st-question",
        attributes: { role: "alertdialog", "aria-label": "Stop the training?" },
        on: { keydown: (event) => event.key === "Escape" && this._close() },
      },
      make("p", { text: "Stop? The trainer saves a checkpoint first; it can go on from there." }),
      button("Stop the training", "is-danger", () => {
        this._close();
        this.onCommand("stop");
      }),
      this.keep,
    );
    question.hidden = true;
    return question;
  }

  _ask() {
    this.question.hidden = false;
    this.keep.focus();
  }

  _close() {
    this.question.hidden = true;
    this.buttons.stop.focus();
  }
}

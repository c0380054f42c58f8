/** What a launch will be: its size, memory and time, the exact command, and the button. */

import { make } from "../viewport/page/dom.mjs";
import { count, duration } from "../viewport/page/format.mjs";
import { shellLine } from "./fields.mjs";

export class LaunchSummary {
  constructor({ onLaunch }) {
    this.refusal = "";
    this.facts = make("div", { class: "la-facts" });
    this.notes = make("ul", { class: "la-notes quiet" });
    this.code = make("code");
    this.copy = make("button", {
      class: "button",
      text: "Copy",
      attributes: { type: "button" },
      on: { click: () => this._copy() },
    });
    this.command = make("div", { class: "command" }, this.code, this.copy);
    this.command.hidden = true;
    this.button = make("button", {
      class: "button is-main la-launch",
      text: "Launch",
      attributes: { type: "button" },
      on: { click: onLaunch },
    });
    this.word = make("p", { class: "la-word", attributes: { role: "status" } });
    this.element = make(
      "section",
      { class: "la-summary", label: "What will be started" },
      make("h2", { text: "What will be started" }),
      this.facts,
      this.notes,
      this.command,
      this.word,
      this.button,
    );
    this.wait("Asking the studio.");
  }

  /** Why this session starts nothing; empty where it may. */
  allow(refusal) {
    this.refusal = refusal;
    this.button.hidden = Boolean(refusal);
  }

  /** Only why nothing is started here. */
  refuse() {
    this._say(this.refusal, "");
  }

  wait(word = "Checking.") {
    this._say(word, "");
    this.button.disabled = true;
  }

  fault(sentence) {
    this._say(sentence, "refused");
    this.button.disabled = true;
  }

  started(run) {
    this._say(`${run} was started.`, "ok");
  }

  /** An answer of the check, with the errors that have no field of their own. */
  show({ errors, argv, command, parameters, memory_gib, step_s, duration_s, notes }, unplaced) {
    this.facts.replaceChildren(
      fact("parameters", parameters ? count(parameters) : "–"),
      fact("memory", memory_gib ? `~${Number(memory_gib.toPrecision(2))} GiB` : "–"),
      fact("a step", step_s ? `~${short(step_s)}` : "not known yet"),
      fact("the whole", duration_s ? `~${duration(duration_s)}` : "not known yet"),
    );
    this.notes.replaceChildren(...(notes ?? []).map((text) => make("li", { text })));
    this.command.hidden = false;
    this.code.textContent = command ?? shellLine(argv ?? []);
    const num = Object.keys(errors).length;
    this.button.disabled = num > 0 || Boolean(this.refusal);
    if (unplaced.length) this._say(unplaced.join(" "), "refused");
    else if (num)
      this._say(`${num === 1 ? "One field is" : `${num} fields are`} not right yet.`, "refused");
    else this._say(this.refusal, "");
  }

  _say(text, kind) {
    this.word.textContent = text;
    this.word.dataset.kind = kind;
  }

  async _copy() {
    try {
      await navigator.clipboard.writeText(this.code.textContent);
      this.copy.textContent = "Copied";
      setTimeout(() => (this.copy.textContent = "Copy"), 2000);
    } catch {
      getSelection().selectAllChildren(this.code); // no clipboard here: select it instead
    }
  }
}

function fact(label, value) {
  return make(
    "div",
    { class: "fact" },
    make("span", { class: "fact-label", text: label }),
    make("span", { class: "fact-value", text: value }),
  );
}

function short(seconds) {
  return seconds < 1 ? `${Math.round(1000 * seconds)} ms` : `${Number(seconds.toPrecision(2))} s`;
}

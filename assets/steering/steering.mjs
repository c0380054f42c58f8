/**
 * The steering card: commands to the trainer, what watching may cost, values to change while it
 * learns, and what became of all that. Only the server's answer changes what is shown as in force.
 */

import { make } from "../viewport/page/dom.mjs";
import { Budget, FIELD as BUDGET, percent } from "./budget.mjs";
import { CommandBar } from "./command_bar.mjs";
import { endedView } from "./ended.mjs";
import { phrase } from "./phrase.mjs";
import { TrainerLink } from "./trainer_link.mjs";
import { Values } from "./values.mjs";
import { answerOf, Delayed, NAMES } from "./waiting.mjs";

const ALIVE = new Set(["starting", "running", "paused", "stalled"]);

export class Steering {
  constructor(root) {
    this.root = root;
    this.run = root.dataset.run;
    this.told = null; // ids of the commands whose answer was told
    this.said = ""; // the last sentence
    this.delayed = null;
    this.link = new TrainerLink(this.run, () => this.refresh());
    this.bar = new CommandBar({ onCommand: (command) => this.command(command) });
    this.budget = new Budget({ onChoose: (share) => this._choose(share) });
    this.values = new Values({
      preview: (values, signal) => this.link.preview(values, signal),
      onApply: (values, lines) => this._later(values, lines),
    });
    this.news = make("p", { class: "st-news", attributes: { role: "status" } });
    this.toast = make("div", { class: "st-toast", attributes: { role: "status" } });
    this.toast.hidden = true;
    this.why = make("p", { class: "st-why quiet" });
    this.past = make("ol", { class: "st-past" });
    this.pastCount = make("span", { class: "quiet" });
    this.history = make(
      "details",
      { class: "st-fold" },
      make("summary", {}, "Commands so far", this.pastCount),
      this.past,
    );
    this.history.hidden = true;
    this.ended = make("div", { class: "st-ended" });
    root.replaceChildren(
      this.why,
      this.bar.element,
      this.news,
      this.ended,
      this.budget.element,
      this.values.element,
      this.history,
      this.toast, // sticks to the lower edge while the card is longer than the column
    );
    this.refresh();
  }

  dispose() {
    this.delayed?.cancel();
    this.link.close();
  }

  get status() {
    return this.link.control?.status ?? null;
  }

  /** For the palette of commands. */
  commands() {
    const isPossible = this.link.isSteerable;
    return this.bar.offered(this.status).map((command) => ({
      text: `Trainer: ${NAMES[command].toLowerCase()}`,
      isPossible,
      run: () => this.command(command),
    }));
  }

  async command(command, values) {
    this.say(`${NAMES[command]}: sent`, "sent");
    try {
      await this.link.send(command, values);
    } catch (error) {
      this.say(error.message, "refused");
      this.budget.back();
    }
    this.link.now();
  }

  say(text, kind) {
    this.news.dataset.kind = kind;
    if (this.said === text) return; // a screen reader hears each sentence once
    this.said = text;
    this.news.replaceChildren(make("span", {}, ...phrase(text)));
  }

  refresh() {
    const { link } = this;
    const { control } = link;
    const isAlive = ALIVE.has(this.status);
    const isSteerable = link.isSteerable;
    this.root.dataset.status = this.status ?? "unknown";
    this.why.textContent = reasonOf(link);
    this.why.hidden = !this.why.textContent;
    this.bar.update({ status: this.status, isSteerable });
    this.bar.element.hidden = !isSteerable;
    for (const part of [this.budget, this.values]) part.element.hidden = !control;
    if (!control) return;
    this.budget.element.hidden = !isAlive || this.status === "stalled";
    const budget = link.field(BUDGET);
    if (budget && !this.delayed)
      this.budget.update({ value: budget.value, isOpen: isSteerable, figures: link.watching });
    this.values.element.hidden = !isAlive || !control.fields.length;
    const fields = control.fields.filter(({ name }) => name !== BUDGET);
    this.values.update(fields, isSteerable, this.delayed !== null);
    this._tell(control.commands);
    const ended = endedView(this.run, control, link.rights);
    if (this.ended.dataset.key !== ended.key) {
      this.ended.dataset.key = ended.key;
      this.ended.replaceChildren(...ended.parts());
    }
  }

  /** The newest answer in words, and the list of commands. */
  _tell(commands) {
    const key = JSON.stringify(commands.map(({ id, answered }) => [id, answered]));
    if (key === this.shown) return;
    this.shown = key;
    const answers = commands.filter(({ answered }) => answered);
    const isFirst = this.told === null; // what was answered before this page is history
    const news = isFirst ? [] : answers.filter(({ id }) => !this.told.has(id));
    this.told = new Set(answers.map(({ id }) => id));
    for (const command of news) this.say(answerOf(command), command.ok ? "ok" : "refused");
    this.pastCount.textContent = String(commands.length);
    this.history.hidden = !commands.length;
    this.past.replaceChildren(...commands.toReversed().map(pastLine));
    const waiting = commands.filter(({ answered }) => !answered).at(-1);
    if (waiting) this.say(answerOf(waiting), "sent");
  }

  _choose(share) {
    const before = this.link.field(BUDGET)?.value;
    if (share === before) return;
    this._later({ [BUDGET]: share }, [`watching may cost ${percent(before)} → ${percent(share)}`]);
  }

  /** Values go out after a few seconds in which they can be taken back. */
  _later(values, lines) {
    if (this.delayed) this.delayed.now(); // the change before this one is not lost
    const left = make("span", { class: "st-left" });
    const button = (text, onClick) =>
      make("button", {
        class: "button",
        text,
        attributes: { type: "button" },
        on: { click: onClick },
      });
    const undo = button("Undo", () => {
      this.delayed.cancel();
      this._endToast();
      this.budget.back();
      this.say("Taken back: nothing was sent.", "ok");
      this.refresh();
    });
    this.toast.replaceChildren(
      make(
        "div",
        { class: "st-toast-lines" },
        ...lines.map((text) => make("p", {}, ...phrase(text))),
      ),
      left,
      undo,
      button("Send now", () => this.delayed.now()),
    );
    this.toast.hidden = false;
    this.delayed = new Delayed({
      onTick: (seconds) => {
        left.textContent = `sent in ${seconds} s`;
      },
      send: () => {
        this._endToast();
        this.values.clear();
        this.command("set", values);
      },
    });
    this.refresh();
    undo.focus();
  }

  _endToast() {
    this.delayed = null;
    this.toast.hidden = true;
    this.toast.replaceChildren();
  }
}

/** Why there is nothing to steer with; empty where there is. */
function reasonOf({ fault, session, control, isSteerable, rights }) {
  if (fault) return fault;
  if (!session || !control) return "Asking the studio.";
  if (isSteerable || !ALIVE.has(control.status)) return "";
  if (rights === "view") {
    return (
      "This page was opened with the view link: it shows everything and changes nothing. " +
      "The studio prints the link that steers as well."
    );
  }
  if (control.status === "stalled") return "The trainer does not answer now: it takes no commands.";
  return control.why || "The trainer of this run takes no commands.";
}

function pastLine(command) {
  const { t, values, by, answered, ok, text } = command;
  const time = new Date(t * 1000).toLocaleTimeString([], { hour12: false });
  const state = answered ? (ok ? "ok" : "refused") : "sent";
  const what = answered ? "" : Object.keys(values ?? {}).join(", ");
  return make(
    "li",
    { attributes: { "data-kind": state } },
    make("span", { class: "quiet", text: time, title: by ? `by ${by}` : "" }),
    make("span", { text: `${NAMES[command.command] ?? command.command}${what && `: ${what}`}` }),
    make("span", { class: "st-past-text" }, ...phrase(answered ? text : "waiting for the trainer")),
  );
}

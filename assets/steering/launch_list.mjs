/** The launches of this studio: how far each is, its last words, and a way to end it. */

import { make } from "../viewport/page/dom.mjs";
import { duration, grouped } from "../viewport/page/format.mjs";
import { ask, repeatedly, send } from "./requests.mjs";

const EVERY_MS = 1500;
const SLOWLY_MS = 6000;
const ACTIVE = new Set(["starting", "running", "paused", "stopping"]);

export class LaunchList {
  constructor() {
    this.cards = new Map(); // id -> LaunchCard
    this.list = make("div");
    this.word = make("p", { class: "quiet", text: "None yet." });
    this.element = make(
      "section",
      { class: "la-list", label: "Launches" },
      make("h2", { text: "Launches" }),
      this.word,
      this.list,
    );
  }

  start(mayCancel) {
    this.mayCancel = mayCancel;
    this.polling = repeatedly(() => this._look());
  }

  dispose() {
    this.polling?.end();
  }

  /** Look at once, and open the one that was just started. */
  async show(id) {
    this.wanted = id;
    await this.polling?.now();
  }

  async _look() {
    try {
      const { launches } = await ask("/api/launches");
      this._draw(launches);
      return launches.some(({ state }) => ACTIVE.has(state)) ? EVERY_MS : SLOWLY_MS;
    } catch (error) {
      this.word.textContent = error.message;
      this.word.hidden = false;
      return SLOWLY_MS;
    }
  }

  _draw(launches) {
    this.word.textContent = "None yet.";
    this.word.hidden = launches.length > 0;
    for (const launch of launches) {
      if (!this.cards.has(launch.id)) this.cards.set(launch.id, new LaunchCard(launch.id));
      this.cards.get(launch.id).update(launch, this.mayCancel);
    }
    const shown = launches.map(({ id }) => this.cards.get(id).element);
    if (shown.some((element, index) => this.list.children[index] !== element))
      this.list.replaceChildren(...shown);
    if (this.cards.has(this.wanted)) {
      this.cards.get(this.wanted).element.open = true;
      this.wanted = undefined;
    }
  }
}

class LaunchCard {
  constructor(id) {
    this.id = id;
    this.name = make("b");
    this.chip = make("span", { class: "chip" });
    this.where = make("span", { class: "quiet" });
    this.bar = make("div", { class: "bar-done" });
    this.detail = make("p");
    this.log = make("pre", { class: "log", attributes: { tabindex: 0 } });
    this.open = make("a", { class: "button", text: "Watch it live" });
    this.cancel = make("button", {
      class: "button",
      text: "Stop",
      title: "The trainer saves a checkpoint and ends",
      attributes: { type: "button" },
      on: { click: () => this._cancel() },
    });
    this.element = make(
      "details",
      { class: "la-launch-card" },
      make(
        "summary",
        {},
        this.name,
        this.chip,
        this.where,
        make("div", { class: "bar" }, this.bar),
      ),
      this.detail,
      this.log,
      make("div", { class: "st-row" }, this.open, this.cancel),
    );
  }

  update(launch, mayCancel) {
    const { run, state, step, total_steps: total, eta_s: eta, created } = launch;
    const { detail, log, exit_code: code } = launch;
    this.name.textContent = run;
    this.chip.textContent = state;
    this.chip.className = `chip chip-${state}`;
    this.where.textContent = [
      total ? `${grouped(step ?? 0)} / ${grouped(total)}` : "",
      ACTIVE.has(state) && eta ? `${duration(eta)} left` : "",
    ]
      .filter(Boolean)
      .join(", ");
    this.bar.style.width = `${total ? (100 * (step ?? 0)) / total : 0}%`;
    const isThere = total !== null && total !== undefined; // the run's folder
    const age = Date.now() / 1000 - Date.parse(created) / 1000;
    const beginning =
      state === "starting" ? `For ${duration(age)}: libraries load, scenes are made ready.` : "";
    const ending = code ? `It ended with exit code ${code}.` : "";
    this.detail.textContent = detail || beginning || ending;
    this.detail.hidden = !this.detail.textContent;
    const text = (log ?? []).join("\n");
    if (this.log.textContent !== text) {
      this.log.textContent = text;
      this.log.scrollTop = this.log.scrollHeight;
    }
    this.log.hidden = !text;
    this.open.hidden = !isThere;
    this.open.href = `/live/${encodeURIComponent(run)}`;
    this.cancel.hidden = !mayCancel || !ACTIVE.has(state);
    this.cancel.textContent = state === "stopping" ? "End at once" : "Stop";
  }

  async _cancel() {
    this.cancel.disabled = true;
    try {
      await send(`/api/launches/${encodeURIComponent(this.id)}/cancel`, {});
    } catch (error) {
      this.detail.textContent = error.message;
      this.detail.hidden = false;
    }
    this.cancel.disabled = false;
  }
}

/**
 * The launch page: a form made from a recipe, checked by the server while it is filled in, and the
 * launches so far. `?resume=RUN` and `?fork=RUN&step=N` fill it in for a run that is there.
 */

import { make } from "../viewport/page/dom.mjs";
import { LaunchForm } from "./launch_form.mjs";
import { LaunchList } from "./launch_list.mjs";
import { LaunchSummary } from "./launch_summary.mjs";
import { ask, send } from "./requests.mjs";

const CHECK_AFTER_MS = 300;

export class Launch {
  constructor(root) {
    this.list = new LaunchList();
    this.summary = new LaunchSummary({ onLaunch: () => this._launch() });
    this.form = new LaunchForm({ onChange: () => this._later() });
    const aside = make("aside", { class: "la-aside" }, this.summary.element, this.list.element);
    root.replaceChildren(this.form.element, aside);
    this._start();
  }

  dispose() {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.list.dispose();
  }

  async _start() {
    try {
      const [session, recipes, { runs }] = await Promise.all([
        ask("/api/session"),
        ask("/api/recipes"),
        ask("/api/runs"),
      ]);
      this.mayCheck = session.rights === "control";
      this.summary.allow(refusal(session));
      this.list.start(session.rights === "control");
      await this.form.start(recipes, runs, new URLSearchParams(location.search));
    } catch (error) {
      this.summary.fault(error.message);
    }
  }

  _later() {
    clearTimeout(this.timer);
    this.asking?.abort();
    if (!this.mayCheck) return this.summary.refuse();
    this.summary.wait();
    this.timer = setTimeout(() => this._check(), CHECK_AFTER_MS);
  }

  async _check() {
    const { body, isFine } = this.form.read();
    if (!body || !isFine) return this.summary.fault("Some fields cannot be read: see beside them.");
    this.asking = new AbortController();
    try {
      const answer = await send("/api/launches/check", body, this.asking.signal);
      const unplaced = this.form.complain(answer.errors);
      this.summary.show(answer, unplaced);
    } catch (error) {
      if (error.name !== "AbortError") this.summary.fault(error.message);
    }
  }

  async _launch() {
    const { body, isFine } = this.form.read();
    if (!isFine) return;
    this.summary.wait("Starting.");
    try {
      const { id } = await send("/api/launches", body);
      this.summary.started(body.run);
      await this.list.show(id);
    } catch (error) {
      this.summary.fault(error.message);
    }
  }
}

/** Why this page cannot start a training; empty where it can. */
function refusal({ rights, launch }) {
  if (rights !== "control")
    return "This page was opened with the view link: it shows what there is and starts nothing.";
  return launch === false
    ? "This studio was started without launching. The command below starts the run."
    : "";
}

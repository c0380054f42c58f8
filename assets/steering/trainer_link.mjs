/** What the steering card knows of a run's trainer, asked for again and again. */

import { ask, repeatedly, send } from "./requests.mjs";
import { frameEvery } from "./budget.mjs";

const EVERY_MS = 1000;
const SLOWLY_MS = 5000; // where nobody listens
const KEYS = "time/watch_share,time/frame_s,time/step_s";

export class TrainerLink {
  /** @param {() => void} onNews called after every look */
  constructor(run, onNews) {
    this.address = `/api/runs/${encodeURIComponent(run)}`;
    this.session = null; // {rights, id, launch}
    this.control = null; // {accepts, status, why, fields, commands}
    this.head = null; // {state, latest}
    this.last = {}; // newest value of each of KEYS
    this.after = -1; // step after which figures are asked for
    this.fault = ""; // why the studio could not be asked
    this.onNews = onNews;
    this.polling = repeatedly(() => this._look());
  }

  get rights() {
    return this.session?.rights ?? null;
  }

  get isSteerable() {
    return this.rights === "control" && this.control?.accepts === true && !this.fault;
  }

  get pending() {
    return (this.control?.commands ?? []).filter(({ answered }) => !answered);
  }

  field(name) {
    return this.control?.fields.find((field) => field.name === name) ?? null;
  }

  /** What watching costs; null where the run does not say. */
  get watching() {
    const budget = this.field("log.watch_budget")?.value;
    const least = this.field("log.frame_every")?.value ?? 1;
    const [frameS, stepS] = [this.last["time/frame_s"], this.last["time/step_s"]];
    if (budget === undefined || !frameS) return null;
    const every = frameEvery({ budget, frameS, stepS, least });
    const newest = Math.max(...Object.values(this.head?.latest ?? {}), -Infinity);
    const isMoving = this.control.status === "running" && Number.isFinite(newest);
    const left = isMoving ? Math.max(newest + every - this.head.state.step, 0) : null;
    return { measured: this.last["time/watch_share"] ?? null, every, left, stepS };
  }

  send(command, values) {
    return send(`${this.address}/control`, values ? { command, values } : { command });
  }

  preview(values, signal) {
    return send(`${this.address}/control/preview`, { values }, signal);
  }

  now() {
    return this.polling.now();
  }

  close() {
    this.polling.end();
  }

  async _look() {
    try {
      const [session, control, head, scalars] = await Promise.all([
        this.session ?? ask("/api/session"),
        ask(`${this.address}/control`),
        ask(`${this.address}/head`),
        ask(`${this.address}/scalars?keys=${KEYS}&after=${this.after}`),
      ]);
      Object.assign(this, { session, control, head, fault: "" });
      this.after = Math.min(this.after, head.state.step - 1); // a resume goes back
      for (const [key, { steps, values }] of Object.entries(scalars)) {
        const known = values.findLastIndex((value) => value !== null);
        if (known < 0) continue;
        this.last[key] = values[known];
        this.after = Math.max(this.after, steps.at(-1) - 1); // a step may be added to
      }
    } catch (error) {
      this.fault = error.message;
      if (error.status === 401) this.session = null;
    }
    this.onNews();
    return this.control?.accepts || this.fault ? EVERY_MS : SLOWLY_MS;
  }
}

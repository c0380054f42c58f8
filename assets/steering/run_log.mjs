/** The log of a run: newest at the end, a click moves the time cursor, the cursor marks a line. */

import { make } from "../viewport/page/dom.mjs";
import { grouped } from "../viewport/page/format.mjs";
import { FILTERS, lineAt, lineOf, logLines, merged, narrowed } from "./log_lines.mjs";
import { phrase } from "./phrase.mjs";
import { ask, repeatedly } from "./requests.mjs";

const EVERY_MS = 1500;
const FILE_EVERY = 8; // looks between two looks at log.txt
const MOST_LINES = 400;

export class RunLog {
  constructor(root) {
    this.root = root;
    this.run = root.dataset.run;
    this.address = `/api/runs/${encodeURIComponent(this.run)}`;
    this.next = 0;
    this.events = [];
    this.logged = [];
    this.looks = 0;
    this.cursor = null;
    this.filter = make(
      "select",
      { label: "Kinds of lines", on: { change: () => this._draw() } },
      ...Object.keys(FILTERS).map((name) => make("option", { text: name })),
    );
    this.query = make("input", {
      label: "Words in the lines",
      attributes: { type: "search", placeholder: "filter", autocomplete: "off" },
      on: { input: () => this._draw() },
    });
    this.list = make("ol", { class: "lg-list", label: "Events", attributes: { tabindex: 0 } });
    this.empty = make("p", { class: "quiet" });
    root.replaceChildren(
      make("div", { class: "lg-tools" }, this.filter, this.query),
      this.list,
      this.empty,
    );
    this.onFrame = ({ detail }) => {
      if (detail.run !== this.run || detail.step === this.cursor) return;
      this.cursor = detail.step;
      this._mark();
    };
    document.addEventListener("pointins:frame", this.onFrame);
    this.polling = repeatedly(() => this._look());
  }

  dispose() {
    document.removeEventListener("pointins:frame", this.onFrame);
    this.polling.end();
  }

  async _look() {
    try {
      const { events, next, version, more } = await ask(
        `${this.address}/events?after=${this.next}`,
      );
      if (this.uid !== undefined && uidOf(version) !== this.uid) this._startAnew();
      else this.next = next;
      this.uid = uidOf(version);
      this.events.push(...events.map(lineOf).filter(Boolean));
      if (this.looks++ % FILE_EVERY === 0 || events.some(({ kind }) => kind === "state"))
        this.logged = logLines((await ask(this.address)).log);
      this._draw();
      return more ? 0 : EVERY_MS;
    } catch (error) {
      this.empty.textContent = error.message;
      return 3 * EVERY_MS;
    }
  }

  /** Another run has taken the name. */
  _startAnew() {
    this.next = 0;
    this.events = [];
    this.looks = 0;
  }

  _draw() {
    const all = merged(this.events, this.logged);
    const lines = narrowed(all, this.filter.value, this.query.value).slice(-MOST_LINES);
    this.empty.textContent = lines.length ? "" : all.length ? "No line fits." : "Nothing yet.";
    this.empty.hidden = lines.length > 0;
    this.list.hidden = lines.length === 0;
    const key = JSON.stringify(lines);
    if (key === this.key) return;
    this.key = key;
    this.lines = lines;
    const { scrollTop, scrollHeight, clientHeight } = this.list;
    const wasAtEnd = scrollTop + clientHeight > scrollHeight - 8;
    this.list.replaceChildren(...lines.map((line) => row(line)));
    if (wasAtEnd) this.list.scrollTop = this.list.scrollHeight;
    this._mark();
  }

  _mark() {
    const at = this.cursor === null ? -1 : lineAt(this.lines ?? [], this.cursor);
    [...this.list.children].forEach((item, index) => {
      if (index === at) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    });
  }
}

function uidOf(version) {
  return version?.replace(/-\d+$/, "");
}

function row({ t, step, kind, text }) {
  const parts = [
    make("i", { class: "lg-mark", attributes: { "data-kind": kind }, title: kind }),
    make("span", { class: "lg-step", text: step === null ? "" : grouped(step) }),
    make("span", { class: "lg-text" }, ...phrase(text)),
    make("time", {
      class: "quiet",
      text: new Date(t * 1000).toLocaleTimeString([], { hour12: false }),
    }),
  ];
  const attributes = { "data-kind": kind };
  if (step === null) return make("li", { attributes }, make("div", { class: "lg-line" }, ...parts));
  const button = make(
    "button",
    {
      class: "lg-line",
      title: `${kind}: to step ${grouped(step)}`,
      attributes: { type: "button" },
      on: { click: () => window.pointinsViewport?.seek(step) },
    },
    ...parts,
  );
  return make("li", { attributes }, button);
}

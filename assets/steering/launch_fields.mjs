/** The values of a launch: the fields that matter first, all others in groups that fold. */

import { make } from "../viewport/page/dom.mjs";
import { FieldRow, changedValues } from "./field_row.mjs";
import { isFound, isInForce, isSame } from "./fields.mjs";

const FIRST = [
  ...["scene.source", "optim.steps", "optim.batch_scenes", "offset.weight"],
  ...["odr.prior.kind", "odr.prior.shape", "odr.prior.scale", "odr.prior.mu", "odr.prior.sigma"],
  ...["odr.prior.path", "odr.prior.quantiles", "seed"],
];
const GROUPS = {
  scene: "Scenes",
  view: "Views and masks",
  backbone: "Encoder",
  semantic: "Semantic branch",
  offset: "Offset branch",
  odr: "ODR",
  scr: "SCR",
  optim: "Optimiser",
  log: "Recording",
};
const SOURCES =
  "Behind a field stands where its value comes from: P PointINS, S Sonata, D DOS, V PTv3, T our " +
  "own trials (docs/LOG.md), O our own choice, A a reading in docs/readings.md.";

export class LaunchFields {
  constructor({ onChange }) {
    this.onChange = onChange;
    this.rows = new Map();
    this.first = make("div", { class: "la-fields" });
    this.search = make("input", {
      label: "Find a field",
      attributes: { type: "search", placeholder: "Find a field", autocomplete: "off" },
      on: { input: () => this._find() },
    });
    this.count = make("span", { class: "quiet" });
    this.groups = make("div", { class: "la-groups" });
    this.element = make(
      "section",
      {},
      make("div", { class: "la-find" }, make("h2", { text: "Values" }), this.search, this.count),
      this.first,
      this.groups,
      make("p", { class: "caption", text: SOURCES }),
    );
  }

  /** The values that were changed; `isFine` is false where something cannot be read. */
  read() {
    return changedValues(this.rows.values());
  }

  /** Put a sentence beside a field and show the field; false if there is no such field. */
  complain(name, sentence) {
    const row = this.rows.get(name);
    if (!row) return false;
    row.complain(sentence);
    const group = row.element.closest("details");
    if (group) group.open = true;
    return true;
  }

  /**
   * New rows; what somebody has changed by hand stays changed.
   * @param {object[]} fields as the server sends them
   * @param {string[]} sources scenes that may be trained on
   * @param {object|null} given values of the run that is forked, by dotted name
   */
  build(fields, sources, given) {
    const typed = [...this.rows.values()]
      .filter((row) => row.isChanged)
      .map((row) => [row.name, row.text]);
    const options = { onChange: () => this._changed(), showsSource: true };
    this.rows = new Map(
      fields.map((field) => {
        const own = given && field.name in given ? { ...field, value: given[field.name] } : field;
        const whole =
          field.name === "scene.source" ? { ...own, kind: "choice", choices: sources } : own;
        return [field.name, new FieldRow(whole, options)];
      }),
    );
    for (const [name, text] of typed) {
      const row = this.rows.get(name);
      if (row && !isSame(row.text, text)) row.set(text);
    }
    const rows = [...this.rows.values()];
    this.first.replaceChildren(
      ...FIRST.map((name) => this.rows.get(name)?.element).filter(Boolean),
    );
    const open = new Set(
      [...this.groups.querySelectorAll("details[open]")].map((part) => part.dataset.group),
    );
    this.groups.replaceChildren(
      ...Object.entries(GROUPS).map(([group, title]) => {
        const own = rows.filter(
          ({ name }) => name.startsWith(`${group}.`) && !FIRST.includes(name),
        );
        const summary = make(
          "summary",
          {},
          make("h3", { text: title }),
          make("span", { class: "quiet" }),
        );
        const body = make("div", { class: "la-fields" }, ...own.map(({ element }) => element));
        const part = make(
          "details",
          { class: "la-group", attributes: { "data-group": group } },
          summary,
          body,
        );
        part.open = open.has(group);
        return part;
      }),
    );
    this._mark();
    this._find();
  }

  _changed() {
    this._mark();
    this.onChange();
  }

  _mark() {
    const kind = this.rows.get("odr.prior.kind")?.text;
    for (const [name, row] of this.rows)
      row.element.hidden = !isInForce(name, kind) && !row.isChanged;
    const changed = [...this.rows.values()].filter((row) => row.isChanged);
    this.count.textContent = changed.length ? `${changed.length} changed` : "";
    for (const part of this.groups.children) {
      const num = changed.filter(
        ({ name }) => name.startsWith(`${part.dataset.group}.`) && !FIRST.includes(name),
      ).length;
      part.querySelector("summary .quiet").textContent = num
        ? `${num} changed`
        : `${part.querySelectorAll(".fd-row").length} fields`;
    }
  }

  /** Narrow the groups to what is searched for; groups with a hit open. */
  _find() {
    const query = this.search.value.trim();
    for (const part of [this.first, ...this.groups.children]) {
      let hits = 0;
      for (const element of part.querySelectorAll(".fd-row")) {
        const isHit = isFound(this.rows.get(element.dataset.field).field, query);
        element.toggleAttribute("data-missed", !isHit);
        hits += isHit;
      }
      part.hidden = hits === 0;
      if (query && part !== this.first) part.open = hits > 0;
    }
  }
}

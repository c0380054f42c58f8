/** The form of the launch page: what to start from, the fields that matter first, and all others. */

import { make } from "../viewport/dom.mjs";
import { grouped } from "../viewport/format.mjs";
import { FieldRow } from "./field_row.mjs";
import { flat, isFound, isInForce, isSame } from "./fields.mjs";
import { ask } from "./requests.mjs";
import { choice, input, Segmented } from "./launch_parts.mjs";

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
const ENDED = new Set(["finished", "stopped", "failed", "lost"]);

export class LaunchForm {
  constructor({ onChange }) {
    this.onChange = onChange;
    this.rows = new Map();
    this.mode = new Segmented("Start", { new: "New run", resume: "Go on", fork: "Fork" }, () =>
      this._modeChanged(),
    );
    this.recipe = choice("Recipe", () => this._load());
    this.preset = choice("Preset of ODR and SCR", () => this._load());
    this.name = input("Name of the run", () => this.onChange());
    this.device = choice("Device", () => this.onChange());
    this.from = choice("Run", () => this._fromChanged());
    this.step = choice("Checkpoint", () => this.onChange());
    this.about = make("p", { class: "quiet la-about" });
    this.first = make("div", { class: "la-fields" });
    this.search = make("input", {
      label: "Find a field",
      attributes: { type: "search", placeholder: "Find a field", autocomplete: "off" },
      on: { input: () => this._find() },
    });
    this.count = make("span", { class: "quiet" });
    this.groups = make("div", { class: "la-groups" });
    const places = [this.recipe, this.preset, this.from, this.step, this.name, this.device];
    this.fields = make(
      "section",
      {},
      make("div", { class: "la-find" }, make("h2", { text: "Values" }), this.search, this.count),
      this.first,
      this.groups,
      make("p", { class: "caption", text: SOURCES }),
    );
    this.element = make(
      "form",
      { class: "la-form", on: { submit: (event) => event.preventDefault() } },
      this.mode.element,
      make("div", { class: "la-start" }, ...places.map(({ element }) => element)),
      this.about,
      this.fields,
    );
  }

  async start(recipes, runs, query) {
    this.recipes = recipes.recipes ?? recipes;
    this.runs = runs.filter(({ status }) => status !== "damaged");
    this.recipe.set(
      this.recipes.map(({ name }) => [name, name]),
      this.recipes[0]?.name,
    );
    const mode = query.has("resume") ? "resume" : query.has("fork") ? "fork" : "new";
    this.wanted = { run: query.get(mode), step: query.get("step") };
    this.mode.set(mode);
    await this._modeChanged();
  }

  /** What is typed as the body of a launch; `isFine` is false where something cannot be read. */
  read() {
    const mode = this.mode.value;
    const values = {};
    let isFine = true;
    for (const row of this.rows.values()) {
      row.complain("");
      if (mode === "resume" || !row.isChanged) continue;
      try {
        values[row.name] = row.value;
      } catch (error) {
        row.complain(error.message);
        isFine = false;
      }
    }
    const device = this.device.value || "auto";
    if (mode === "resume") {
      const body = { recipe: "", run: this.from.value, values: {}, device, resume: true };
      return { body, isFine: Boolean(this.from.value) };
    }
    if (mode === "fork") {
      const fork = { run: this.from.value, step: Number(this.step.value) };
      const body = { recipe: "", run: this.name.value, values, device, fork };
      return { body, isFine: isFine && Boolean(this.step.value) };
    }
    const { value: recipe } = this.recipe;
    const body = { recipe, preset: this.preset.value, run: this.name.value, values, device };
    return { body, isFine: isFine && Boolean(recipe) };
  }

  /** Put sentences beside their fields; those that have no field are handed back. */
  complain(errors) {
    const parts = { run: this.name, recipe: this.recipe, device: this.device };
    if (this.mode.value === "resume") parts.run = this.from;
    for (const part of Object.values(parts)) part.complain("");
    const unplaced = [];
    for (const [name, sentence] of Object.entries(errors)) {
      const place = this.rows.get(name) ?? parts[name];
      if (place) place.complain(sentence);
      else unplaced.push(sentence);
      const group = this.rows.get(name)?.element.closest("details");
      if (group) group.open = true;
    }
    return unplaced;
  }

  async _modeChanged() {
    const mode = this.mode.value;
    this.element.dataset.mode = mode;
    for (const [part, modes] of [
      [this.recipe, "new"],
      [this.preset, "new"],
      [this.name, "new fork"],
      [this.from, "resume fork"],
      [this.step, "fork"],
    ]) {
      part.element.hidden = !modes.includes(mode);
    }
    this.fields.hidden = mode === "resume";
    this.preset.set([], "");
    if (mode === "new") return this._load();
    const possible = this.runs.filter(({ status }) => mode === "fork" || ENDED.has(status));
    const wanted = possible.find(({ id }) => id === this.wanted.run) ?? possible[0];
    this.from.set(
      possible.map(({ id, status, step }) => [id, `${id} (${status}, step ${grouped(step ?? 0)})`]),
      wanted?.id,
    );
    if (wanted) return this._fromChanged();
    this.about.textContent =
      mode === "fork"
        ? "There is no run to fork yet."
        : "No run has ended: there is nothing to go on with.";
    this.rows = new Map();
    this.onChange();
  }

  /** Another run to go on with or to fork. */
  async _fromChanged() {
    const id = this.from.value;
    const run = await ask(`/api/runs/${encodeURIComponent(id)}`);
    if (id !== this.from.value) return;
    const steps = (run.checkpoints ?? []).map(({ step }) => step);
    const newest = steps.at(-1);
    this.about.textContent = steps.length
      ? `${run.recipe}. ${this._whatHappens(newest)}`
      : "It has no checkpoint: there is nothing to go on from.";
    const asked = steps.find((step) => String(step) === this.wanted.step) ?? newest;
    this.step.set(
      steps.toReversed().map((step) => [String(step), `step ${grouped(step)}`]),
      String(asked ?? ""),
    );
    if (this.mode.value === "resume") return this._load(run.recipe);
    this.name.value = freeName(`${id}-fork`, this.runs);
    await this._load(run.recipe, Object.fromEntries(flat(run.config)));
  }

  _whatHappens(newest) {
    return this.mode.value === "resume"
      ? `It goes on from step ${grouped(newest)} in its own folder, with the values that it had.`
      : "The fork starts there in a folder of its own; the run it comes from stays as it is.";
  }

  /** The fields of a recipe; `given` are the values of the run that is forked. */
  async _load(name = this.recipe.value, given = null) {
    const known = this.recipes.some((recipe) => recipe.name === name) ? name : this.recipes[0].name;
    const isNew = this.mode.value === "new";
    const preset = isNew && this.preset.value && this.loaded === known ? this.preset.value : "";
    const query = preset ? `?preset=${encodeURIComponent(preset)}` : "";
    const recipe = await ask(`/api/recipes/${encodeURIComponent(known)}${query}`);
    if (isNew) {
      if (this.loaded !== known || !this.name.value) this.name.value = recipe.run;
      const chosen = recipe.presets.find(({ name }) => name === recipe.preset);
      const named = chosen ? ` ${recipe.preset}: ${chosen.about}` : "";
      this.about.textContent = `${recipe.about} ${recipe.expect}${named}`;
      this.preset.set(
        recipe.presets.map(({ name }) => [name, name]),
        recipe.preset,
      );
    }
    this.loaded = isNew ? known : "";
    this.device.set(
      recipe.devices.map((device) => [device, device]),
      this.device.value || "auto",
    );
    this._build(recipe.fields, recipe.sources, given);
    this.onChange();
  }

  /** New rows; what somebody has changed by hand stays changed. */
  _build(fields, sources, given) {
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

/** A name that no run has: `name`, or `name-2` and so on. */
export function freeName(name, runs) {
  const taken = new Set(runs.map(({ id }) => id));
  if (!taken.has(name)) return name;
  let number = 2;
  while (taken.has(`${name}-${number}`)) number += 1;
  return `${name}-${number}`;
}

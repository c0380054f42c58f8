/** The form of the launch page: what to start from, under which name, on which device. */

import { make } from "../viewport/page/dom.mjs";
import { grouped } from "../viewport/page/format.mjs";
import { flat } from "./fields.mjs";
import { LaunchFields } from "./launch_fields.mjs";
import { choice, input, Segmented } from "./launch_parts.mjs";
import { ask } from "./requests.mjs";

const ENDED = new Set(["finished", "stopped", "failed", "lost"]);

export class LaunchForm {
  constructor({ onChange }) {
    this.onChange = onChange;
    this.values = new LaunchFields({ onChange });
    this.mode = new Segmented("Start", { new: "New run", resume: "Go on", fork: "Fork" }, () =>
      this._try(() => this._modeChanged()),
    );
    this.recipe = choice("Recipe", () => this._try(() => this._load()));
    this.preset = choice("Preset of ODR and SCR", () => this._try(() => this._load()));
    this.name = input("Name of the run", () => this.onChange());
    this.device = choice("Device", () => this.onChange());
    this.from = choice("Run", () => this._try(() => this._fromChanged()));
    this.step = choice("Checkpoint", () => this.onChange());
    this.about = make("p", { class: "quiet la-about" });
    const places = [this.recipe, this.preset, this.from, this.step, this.name, this.device];
    this.element = make(
      "form",
      { class: "la-form", on: { submit: (event) => event.preventDefault() } },
      this.mode.element,
      make("div", { class: "la-start" }, ...places.map(({ element }) => element)),
      this.about,
      this.values.element,
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
    const { values, isFine } = this.values.read();
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
      if (parts[name]) parts[name].complain(sentence);
      else if (!this.values.complain(name, sentence)) unplaced.push(sentence);
    }
    return unplaced;
  }

  /** A question to the studio that somebody's hand has started; a fault of it is said here. */
  async _try(action) {
    try {
      await action();
    } catch (error) {
      this.about.textContent = error.message;
    }
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
    this.values.element.hidden = mode === "resume";
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
    this.values.build([], [], null);
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
    this.turn = (this.turn ?? 0) + 1;
    const { turn } = this;
    const recipe = await ask(`/api/recipes/${encodeURIComponent(known)}${query}`);
    if (turn !== this.turn) return; // somebody has chosen another one meanwhile
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
    this.values.build(recipe.fields, recipe.sources, given);
    this.onChange();
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

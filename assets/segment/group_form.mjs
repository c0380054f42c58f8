/** Another layer with other settings: a method, its numbers, and for the network which one. */

import { make } from "../viewport/page/dom.mjs";

const CHECKPOINT_WORDS = {
  auto: "as the scan asks for",
  "builtin:indoor": "built in, indoor",
  "builtin:outdoor": "built in, outdoor",
};

const PLANES = {
  name: "planes",
  label: "Floor and walls",
  meaning: "Left out, they cannot join objects that stand on them",
  default: "remove",
  choices: { remove: "left out", keep: "kept" },
};

export function checkpointWords(name) {
  return CHECKPOINT_WORDS[name] ?? name.replace(/^run:/, "run ");
}

export class GroupForm {
  /** @param {(method: string, settings: object, checkpoint: string) => Promise<void>} onAsk */
  constructor(onAsk) {
    this.onAsk = onAsk;
    this.fields = new Map(); // name -> {parameter, input}
    this.method = make("select", { label: "Method", on: { change: () => this._fields() } });
    this.place = make("div", { class: "sg-fields" });
    this.word = make("p", { class: "sg-word", attributes: { role: "status" } });
    this.go = make("button", {
      class: "button is-main",
      text: "Group again",
      attributes: { type: "submit" },
    });
    this.element = make(
      "form",
      {
        class: "sg-form",
        on: {
          submit: (event) => {
            event.preventDefault();
            this._submit();
          },
        },
      },
      make("div", { class: "sg-field" }, make("label", { text: "Method" }), this.method),
      this.place,
      make("div", { class: "sg-form-foot" }, this.word, this.go),
    );
  }

  update({ methods, checkpoints = [] }, mayEdit) {
    this.go.disabled = !mayEdit;
    const key = JSON.stringify([methods, checkpoints]);
    if (key === this.key) return;
    this.key = key;
    this.methods = methods;
    this.checkpoints = checkpoints;
    this.method.replaceChildren(
      ...methods.map(({ method, label }) =>
        make("option", { text: label, attributes: { value: method } }),
      ),
    );
    this._fields();
  }

  focus() {
    this.place.querySelector("input, select")?.focus();
  }

  _fields() {
    const chosen = this.methods.find(({ method }) => method === this.method.value);
    this.fields.clear();
    const planes = chosen?.method === "truth" ? [] : [PLANES];
    const parameters = [...(chosen?.parameters ?? []), ...planes];
    const rows = parameters.map((parameter) => {
      const input = fieldOf(parameter);
      this.fields.set(parameter.name, { parameter, input });
      return rowOf(parameter, input);
    });
    this.checkpoint = null;
    if (chosen?.method === "pointins" && this.checkpoints.length) {
      this.checkpoint = make(
        "select",
        {},
        ...this.checkpoints.map((name) =>
          make("option", { text: checkpointWords(name), attributes: { value: name } }),
        ),
      );
      rows.push(rowOf({ label: "Network" }, this.checkpoint));
    }
    this.place.replaceChildren(...rows);
    this.word.textContent = "";
  }

  async _submit() {
    const settings = {};
    for (const [name, { parameter, input }] of this.fields) {
      const value = valueOf(parameter, input);
      if (value === undefined) {
        this.word.textContent = `${parameter.label}: that is no number.`;
        input.focus();
        return;
      }
      if (value !== null) settings[name] = value;
    }
    this.go.disabled = true;
    this.word.textContent = "";
    try {
      const checkpoint = this.checkpoint?.value;
      await this.onAsk(this.method.value, settings, checkpoint === "auto" ? "" : checkpoint);
    } catch (error) {
      this.word.textContent = error.message;
    }
    this.go.disabled = false;
  }
}

function rowOf({ label, meaning = "", unit }, input) {
  const id = `sg-${label.replace(/\W+/g, "-")}`;
  input.id = id;
  return make(
    "div",
    { class: "sg-field", title: meaning },
    make("label", { text: unit ? `${label}, ${unit}` : label, attributes: { for: id } }),
    input,
  );
}

function fieldOf({ default: value, choices, minimum, maximum }) {
  if (choices) {
    const options = Object.entries(choices).map(([choice, text]) =>
      make("option", { text, attributes: { value: choice } }),
    );
    const list = make("select", {}, ...options);
    list.value = value;
    return list;
  }
  const limits = [minimum, maximum].every(Number.isFinite) ? `${minimum} to ${maximum}` : "";
  const placeholder = Number.isFinite(value) ? `automatic: ${short(value)}` : "automatic";
  const attributes = { type: "text", inputmode: "decimal", placeholder };
  return make("input", { title: limits, attributes });
}

function valueOf({ choices }, input) {
  if (choices) return input.value;
  const text = input.value.trim().replace(",", ".");
  if (!text) return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

function short(value) {
  return String(Number(value.toPrecision(3)));
}

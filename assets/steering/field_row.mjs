/** One field of the configuration as a row: name, control, what is wrong with it, and reset. */

import { make } from "../viewport/page/dom.mjs";
import { isSame, parsed, shortened, wordsOf, written } from "./fields.mjs";
import { phrase, symbolOf } from "./phrase.mjs";

let numRows = 0;

export class FieldRow {
  /**
   * @param {object} field as the server sends it
   * @param {{onChange: Function, isFixed?: boolean, showsSource?: boolean}} options
   */
  constructor(field, { onChange, isFixed = false, showsSource = false }) {
    this.field = field;
    this.onChange = onChange;
    this.wasWord = showsSource ? "recipe:" : "in force:";
    const { symbol, name, unit } = wordsOf(field.name);
    const id = `field-${++numRows}`;
    this.input = isFixed
      ? make("output", { class: "fd-fixed", attributes: { id } })
      : control(field, id, () => this._changed());
    this.was = make("p", { class: "fd-was" });
    this.problem = make("p", { class: "fd-problem", attributes: { id: `${id}-problem` } });
    this.problem.hidden = true;
    this.reset = make("button", {
      class: "fd-reset",
      text: "↺",
      title: "Back to the value before",
      label: `Reset ${name}`,
      attributes: { type: "button" },
      on: { click: () => this.set(this.field.value, true) },
    });
    const sign = symbol ? symbolOf(symbol) : null;
    const label = make("label", { attributes: { for: id } }, sign, make("span", { text: name }));
    const about = [field.name, field.about, field.source && `Source: ${field.source}`];
    this.element = make(
      "div",
      {
        class: "fd-row",
        title: about.filter(Boolean).join("\n"),
        attributes: { "data-field": field.name },
      },
      label,
      make(
        "div",
        { class: "fd-value" },
        this.input,
        make("span", { class: "fd-unit", text: unit ?? "" }),
        isFixed ? null : this.reset,
      ),
      this.was,
      showsSource ? make("p", { class: "fd-about", text: aboutOf(field, name) }) : null,
      this.problem,
    );
    if (!isFixed) this.input.setAttribute("aria-describedby", this.problem.id);
    this.set(field.value);
  }

  get name() {
    return this.field.name;
  }

  get isChanged() {
    return this.text !== written(this.field.value);
  }

  get text() {
    if (this.input.type === "checkbox") return String(this.input.checked);
    return this.input.value;
  }

  /** What stands in the control; throws where it cannot be read. */
  get value() {
    return this.isChanged ? parsed(this.field, this.text) : this.field.value;
  }

  set(value, isByHand = false) {
    const text = this.input.tagName === "OUTPUT" ? shortened(value) : written(value);
    if (this.input.type === "checkbox") this.input.checked = value === true;
    else this.input.value = text;
    this._mark();
    if (isByHand) this.onChange();
  }

  /** The server's value has become another one; what somebody is typing stays. */
  rebase(value) {
    if (isSame(value, this.field.value)) return;
    const keeps = this.isChanged;
    this.field = { ...this.field, value };
    if (keeps) this._mark();
    else this.set(value);
  }

  /** Beside the field: what is wrong with it, or nothing. */
  complain(sentence) {
    this.problem.replaceChildren(...phrase(sentence ?? ""));
    this.problem.hidden = !sentence;
    this.element.toggleAttribute("data-wrong", Boolean(sentence));
    if (sentence) this.input.setAttribute("aria-invalid", "true");
    else this.input.removeAttribute("aria-invalid");
  }

  _changed() {
    this._mark();
    this.onChange();
  }

  _mark() {
    this.element.toggleAttribute("data-changed", this.isChanged);
    this.was.textContent = this.isChanged ? `${this.wasWord} ${shortened(this.field.value)}` : "";
    this.reset.disabled = !this.isChanged;
  }
}

function aboutOf({ about, source }, name) {
  return [about === name ? "" : about, source].filter(Boolean).join(" · ");
}

function control({ kind, choices, value }, id, onChange) {
  if (kind === "switch") {
    return make("input", { attributes: { type: "checkbox", id }, on: { change: onChange } });
  }
  if (kind === "choice") {
    const known = choices.some((choice) => isSame(choice, value)) ? choices : [value, ...choices];
    const options = known.map((choice) =>
      make("option", { text: String(choice), attributes: { value: String(choice) } }),
    );
    return make("select", { attributes: { id }, on: { change: onChange } }, ...options);
  }
  const isNumber = kind === "number" || kind === "int";
  return make("input", {
    class: isNumber ? "fd-number" : "fd-text",
    attributes: {
      type: "text",
      id,
      inputmode: isNumber ? "decimal" : "text",
      autocomplete: "off",
      spellcheck: "false",
    },
    on: { input: onChange },
  });
}

/** The values of the rows that were changed; `isFine` is false where one cannot be read, which says so. */
export function changedValues(rows) {
  const values = {};
  let isFine = true;
  for (const row of rows) {
    row.complain("");
    if (!row.isChanged) continue;
    try {
      values[row.name] = row.value;
    } catch (error) {
      row.complain(error.message);
      isFine = false;
    }
  }
  return { values, isFine };
}

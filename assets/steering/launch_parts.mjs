/** Labelled controls of the launch form. */

import { make } from "../viewport/page/dom.mjs";

let numParts = 0;

function labelled(label, control) {
  const id = `launch-${++numParts}`;
  control.id = id;
  const problem = make("p", { class: "fd-problem", attributes: { id: `${id}-problem` } });
  problem.hidden = true;
  control.setAttribute("aria-describedby", problem.id);
  const element = make(
    "div",
    { class: "la-part" },
    make("label", { text: label, attributes: { for: id } }),
    control,
    problem,
  );
  return {
    element,
    get value() {
      return control.value;
    },
    set value(value) {
      control.value = value;
    },
    complain(sentence) {
      problem.textContent = sentence;
      problem.hidden = !sentence;
      element.toggleAttribute("data-wrong", Boolean(sentence));
      if (sentence) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    },
  };
}

export function input(label, onInput) {
  const attributes = { type: "text", autocomplete: "off", spellcheck: "false", maxlength: 100 };
  return labelled(label, make("input", { attributes, on: { input: onInput } }));
}

/** A list to pick from; `set` takes pairs of value and text. */
export function choice(label, onPick) {
  const control = make("select", { on: { change: onPick } });
  const part = labelled(label, control);
  part.set = (options, value) => {
    control.replaceChildren(
      ...options.map(([key, text]) => make("option", { text, attributes: { value: key } })),
    );
    control.disabled = !options.length;
    if (options.some(([key]) => key === value)) control.value = value;
  };
  return part;
}

/** Choices side by side, as radio buttons are. */
export class Segmented {
  constructor(label, options, onPick) {
    const name = `segmented-${++numParts}`;
    this.inputs = Object.entries(options).map(([value]) =>
      make("input", { attributes: { type: "radio", name, value }, on: { change: onPick } }),
    );
    this.element = make(
      "div",
      { class: "la-mode", label, attributes: { role: "radiogroup" } },
      ...Object.values(options).map((text, index) =>
        make("label", {}, this.inputs[index], make("span", { text })),
      ),
    );
  }

  get value() {
    return this.inputs.find((input) => input.checked)?.value;
  }

  set(value) {
    for (const input of this.inputs) input.checked = input.value === value;
  }
}

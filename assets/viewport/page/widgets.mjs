/** The controls that a toolbar is made of; they look right and hold no state. */

import { make } from "./dom.mjs";
import { icon } from "./icons.mjs";
import { splitName } from "./format.mjs";

export function group(...children) {
  return make("div", { class: "vp-group" }, ...children);
}

/** A list to pick from. Its face shows long names shortened in the middle. */
export function select(label, onPick) {
  const [head, tail] = [make("span", { class: "vp-head" }), make("span")];
  const input = make("select", {
    class: "vp-select",
    label,
    on: { change: () => onPick(input.value) },
  });
  const attributes = { "aria-hidden": "true" };
  const face = make("span", { class: "vp-face", attributes }, head, tail);
  const element = make("span", { class: "vp-field", title: label }, input, face);
  let shown = "";
  return {
    element,
    set(options, value) {
      const wanted = JSON.stringify(options);
      if (wanted !== shown) {
        input.replaceChildren(
          ...options.map(([key, text]) => make("option", { text, attributes: { value: key } })),
        );
        input.disabled = !options.length;
        shown = wanted;
      }
      if (value !== null && input.value !== value) input.value = value;
      const text = input.selectedOptions[0]?.text ?? "";
      [head.textContent, tail.textContent] = splitName(text);
      element.title = text ? `${label}: ${text}` : label;
    },
    disable(isDisabled) {
      input.disabled = isDisabled || !input.options.length;
    },
  };
}

export function range(label, min, max, step, onInput) {
  const input = make("input", {
    class: "vp-range",
    label,
    attributes: { type: "range", min, max, step },
    on: {
      input: () => {
        setRange(input, input.valueAsNumber);
        onInput(input.valueAsNumber);
      },
    },
  });
  return input;
}

/** Value and the filled part of the track, which the style sheet draws. */
export function setRange(input, value) {
  if (document.activeElement !== input || input.valueAsNumber !== value)
    input.value = String(value);
  const share = (value - Number(input.min)) / (Number(input.max) - Number(input.min));
  input.style.setProperty("--share", `${(share * 100).toFixed(1)}%`);
}

/** A button with a picture that stays down. */
export function toggle(name, title, onToggle) {
  const element = button(name, title, () =>
    onToggle(element.getAttribute("aria-pressed") !== "true"),
  );
  element.classList.add("vp-toggle");
  return element;
}

/**
 * Choices of which one is on, moved through with the arrow keys.
 * @param {[string, {content: Node[], label: string, title: string}][]} options
 */
export function choices(label, options, onPick) {
  const buttons = new Map(
    options.map(([value, { content, label: name, title }]) => [
      value,
      make(
        "button",
        {
          class: "vp-choice",
          title,
          label: name,
          attributes: { type: "button", role: "radio", "data-value": value },
          on: { click: () => onPick(value), keydown: (event) => moveByArrow(event, value) },
        },
        ...content,
      ),
    ]),
  );
  const moveByArrow = (event, value) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const all = [...buttons.keys()];
    const next = all[(all.indexOf(value) + by + all.length) % all.length];
    onPick(next);
    buttons.get(next).focus();
  };
  const attributes = { role: "radiogroup" };
  return {
    element: make("div", { class: "vp-segmented", label, attributes }, ...buttons.values()),
    set(value, isDisabled = false) {
      for (const [key, choice] of buttons) {
        choice.setAttribute("aria-checked", String(key === value));
        choice.tabIndex = key === value ? 0 : -1;
        choice.disabled = isDisabled;
      }
    },
  };
}

export function button(name, title, onClick) {
  return make(
    "button",
    {
      class: "vp-icon",
      title,
      label: title.replace(/ \([^)]*\)$/, ""),
      attributes: { type: "button" },
      on: { click: onClick },
    },
    icon(name),
  );
}

export function end(text, title, onClick) {
  return make("button", {
    class: "vp-end",
    text,
    title,
    attributes: { type: "button" },
    on: { click: onClick },
  });
}

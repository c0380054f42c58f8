/** The controls above the picture. Holds no state: shows what it is told, says what is asked. */

import { icon, make } from "./dom.mjs";
import { inputKind } from "./records.mjs";

export const COLOURINGS = {
  input: "Input",
  height: "Height",
  features: "Features (PCA)",
  segment: "Segment",
  instance: "Pseudo-instance",
  truth: "Ground truth",
};

export const VOTES = {
  before: { label: "Before ODR", hint: "Teacher offsets as the teacher predicts them" },
  after: { label: "After ODR", hint: "Teacher offsets given the prior's lengths" },
  target: { label: "Target", hint: "Centroid of each cell's pseudo-instance" },
};

export class Toolbar {
  /** @param {object} ask onScene, onLook, onCollapse, onReset, onScreenshot, onFull, onHelp */
  constructor(ask) {
    this.ask = ask;
    this.scene = select("Scene", (id) => ask.onScene(id), false);
    this.colouring = select("Colour", (colouring) => ask.onLook({ colouring }));
    this.votes = Object.fromEntries(
      Object.entries(VOTES).map(([votes, { label, hint }]) => [
        votes,
        make(
          "button",
          {
            class: "vp-choice",
            title: hint,
            attributes: { type: "button", role: "radio", "data-votes": votes },
            on: {
              click: () => ask.onLook({ votes }),
              keydown: (event) => this._chooseByArrow(event, votes),
            },
          },
          make("span", { class: "vp-dot", attributes: { "data-quantity": votes } }),
          label,
        ),
      ]),
    );
    this.collapse = range("Points to centroids", 0, 1, 0.01, (t) => ask.onLook({ t }));
    this.collapse.classList.add("vp-collapse");
    this.size = range("Point size", -1.5, 1.5, 0.1, (power) => ask.onLook({ size: 2 ** power }));
    this.size.title = "Point size";
    this.planes = toggle("Planes", "Show floors, walls and ground (P)", (on) =>
      ask.onLook({ hidePlanes: !on }),
    );
    this.centroids = toggle("Centroids", "Show votes and pseudo-instance centroids (C)", (on) =>
      ask.onLook({ centroids: on }),
    );
    this.element = make(
      "div",
      { class: "vp-toolbar", label: "Viewport controls", attributes: { role: "toolbar" } },
      group(this.scene.element, this.colouring.element),
      make(
        "div",
        { class: "vp-group vp-segmented", label: "Votes", attributes: { role: "radiogroup" } },
        ...Object.values(this.votes),
      ),
      group(
        end("points", "Every point where it was measured (T)", () => ask.onCollapse(0)),
        this.collapse,
        end("centroids", "Every point at the centroid it votes for (T)", () => ask.onCollapse(1)),
      ),
      group(this.planes, this.centroids),
      make("label", { class: "vp-group vp-quiet" }, "Size", this.size),
      make(
        "div",
        { class: "vp-group vp-actions" },
        button("reset", "Reset view (R)", ask.onReset),
        button("camera", "Save picture as PNG", ask.onScreenshot),
        button("full", "Full screen (F)", ask.onFull),
        make("button", {
          class: "vp-icon",
          text: "?",
          title: "Keyboard (?)",
          label: "Keyboard",
          attributes: { type: "button" },
          on: { click: ask.onHelp },
        }),
      ),
    );
  }

  update({ scenes, sceneId, scene, look, hasFrame }) {
    this.scene.set(
      scenes.map((id) => [id, id]),
      sceneId,
    );
    const kind = scene && inputKind(scene);
    const options = Object.entries(COLOURINGS)
      .filter(([key]) => (key === "input" ? kind : key === "truth" ? scene?.instance : true))
      .map(([key, label]) => [key, key === "input" && kind === "intensity" ? "Intensity" : label]);
    this.colouring.set(options, look.colouring);
    for (const [votes, choice] of Object.entries(this.votes)) {
      const isOn = votes === look.votes;
      choice.setAttribute("aria-checked", String(isOn));
      choice.tabIndex = isOn ? 0 : -1;
      choice.disabled = !hasFrame;
    }
    this.collapse.disabled = !hasFrame;
    setRange(this.collapse, look.t);
    this.collapse.setAttribute(
      "aria-valuetext",
      `${Math.round(look.t * 100)} % of the way to the centroids`,
    );
    setRange(this.size, Math.log2(look.size));
    this.planes.setAttribute("aria-pressed", String(!look.hidePlanes));
    this.centroids.setAttribute("aria-pressed", String(look.centroids));
  }

  _chooseByArrow(event, votes) {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const all = Object.keys(VOTES);
    const next = all[(all.indexOf(votes) + by + all.length) % all.length];
    this.ask.onLook({ votes: next });
    this.votes[next].focus();
  }
}

function group(...children) {
  return make("div", { class: "vp-group" }, ...children);
}

function select(label, onPick, hasLabel = true) {
  const input = make("select", {
    class: "vp-select",
    label,
    on: { change: () => onPick(input.value) },
  });
  let shown = "";
  return {
    element: make(
      "label",
      { class: "vp-field", title: label },
      hasLabel ? make("span", { class: "vp-quiet", text: label }) : null,
      input,
    ),
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
    },
  };
}

function range(label, min, max, step, onInput) {
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
function setRange(input, value) {
  if (document.activeElement !== input || input.valueAsNumber !== value)
    input.value = String(value);
  const share = (value - Number(input.min)) / (Number(input.max) - Number(input.min));
  input.style.setProperty("--share", `${(share * 100).toFixed(1)}%`);
}

function toggle(text, title, onToggle) {
  const element = make("button", {
    class: "vp-toggle",
    text,
    title,
    attributes: { type: "button" },
    on: { click: () => onToggle(element.getAttribute("aria-pressed") !== "true") },
  });
  return element;
}

function button(name, title, onClick) {
  return make(
    "button",
    {
      class: "vp-icon",
      title,
      label: title.replace(/ \(.\)$/, ""),
      attributes: { type: "button" },
      on: { click: onClick },
    },
    icon(name),
  );
}

function end(text, title, onClick) {
  return make("button", {
    class: "vp-end",
    text,
    title,
    attributes: { type: "button" },
    on: { click: onClick },
  });
}

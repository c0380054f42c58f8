/**
 * What the scan was segmented with: a row a layer with its figures, which one is in the picture and
 * which one beside it, and buttons for the methods that were not asked yet.
 */

import { make } from "../viewport/page/dom.mjs";
import { grouped } from "../viewport/page/format.mjs";
import { FIGURES, percent } from "./words.mjs";

export class LayersCard {
  /** @param {object} ask onShow(layer), onBeside(layer or null), onMethod(method) */
  constructor(ask) {
    this.ask = ask;
    this.table = make("div", { class: "sg-layers" });
    this.methods = make("div", { class: "sg-methods" });
    this.element = make("div", {}, this.table, this.methods);
    this.key = "";
  }

  /** @param {{details, layer, beside, mayEdit}} now */
  update({ details, layer, beside, mayEdit }) {
    const { wanted = [], methods, progress } = details;
    const layers = inOrder(details.layers);
    const failures = progress?.failures ?? {};
    this.labels = new Map(methods.map(({ method, label }) => [method, label]));
    const due = wanted.filter(({ state }) => state !== "made");
    const told = layers.map(({ layer: name, v, figures }) => [name, v, figures]);
    const key = JSON.stringify([told, due, failures, layer, beside, mayEdit]);
    if (key === this.key) return;
    this.key = key;
    const focus = document.activeElement?.dataset?.sgKey;
    this.table.replaceChildren(this._table({ layers, due, failures, layer, beside }));
    const going = due.filter(({ state }) => state === "waiting");
    const made = new Set([...layers, ...going].map(({ method }) => method));
    const open = methods.filter(({ method }) => !made.has(method));
    this.methods.replaceChildren(
      ...(open.length && mayEdit
        ? [make("span", { class: "quiet", text: "Compare with" }), ...open.map(this._method, this)]
        : []),
    );
    if (focus) this.element.querySelector(`[data-sg-key="${CSS.escape(focus)}"]`)?.focus();
  }

  _table({ layers, due, failures, layer, beside }) {
    const hasFigures = layers.some(({ figures }) => figures);
    const shown = hasFigures ? Object.entries(FIGURES) : [];
    const best = Object.fromEntries(
      shown.map(([key]) => [key, Math.max(...layers.map((one) => valueOf(one, key)))]),
    );
    const heads = [["Layer", ""], ["Objects", ""], ...shown.map(([, words]) => words), ["", ""]];
    return make(
      "table",
      { class: "sg-table sg-layer-table" },
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          ...heads.map(([text, title]) =>
            make("th", { text, title, attributes: { scope: "col" } }),
          ),
        ),
      ),
      make(
        "tbody",
        {},
        ...layers.map((one) => this._row(one, { shown, best, layer, beside })),
        ...due.map((one) => dueRow(one, this.labels, failures, heads.length)),
      ),
    );
  }

  _row(one, { shown, best, layer, beside }) {
    const { layer: name, label, instances, figures } = one;
    const isShown = name === layer;
    const isBeside = name === beside;
    const text = titleOf(one);
    const choose = make(
      "button",
      {
        class: "sg-layer",
        title: `Show ${text}${settingsText(one)}`,
        attributes: { type: "button", "aria-pressed": isShown, "data-sg-key": `show ${name}` },
        on: { click: () => this.ask.onShow(name) },
      },
      make("span", { class: "sg-radio" }),
      make("span", { text: text || label }),
    );
    const side = make("button", {
      class: "sg-beside",
      text: isBeside ? "beside ×" : "beside",
      title: isBeside ? "Show one picture again" : `Show ${text} beside`,
      attributes: { type: "button", "aria-pressed": isBeside, "data-sg-key": `beside ${name}` },
      on: { click: () => this.ask.onBeside(isBeside ? null : name) },
    });
    side.disabled = isShown;
    const figuresOf = ([key]) => {
      const isBest = best[key] > 0 && valueOf(one, key) === best[key];
      const cell = make("td", { class: "vp-num", text: percent(figures?.[key]) });
      cell.toggleAttribute("data-best", isBest);
      return cell;
    };
    return make(
      "tr",
      { attributes: { "data-layer": name, ...(isShown && { "data-chosen": "" }) } },
      make("td", {}, choose),
      make("td", { class: "vp-num", text: grouped(instances.length) }),
      ...shown.map(figuresOf),
      make("td", {}, side),
    );
  }

  _method({ method, label, summary = "", needs = [] }) {
    return make("button", {
      class: "button",
      text: label,
      title: [summary, needs.length ? `Needs ${needs.join(", ")}.` : ""].filter(Boolean).join(" "),
      attributes: { type: "button", "data-method": method },
      on: { click: () => this.ask.onMethod(method) },
    });
  }
}

/** What was found, then what was made of it by hand, then other methods, the truth last. */
function inOrder(layers) {
  const rank = ({ method }) => {
    const known = ["pointins", "edited"].indexOf(method);
    return known >= 0 ? known : method === "truth" ? 3 : 2;
  };
  return [...layers].sort((a, b) => rank(a) - rank(b) || a.layer.localeCompare(b.layer));
}

function valueOf({ layer, figures }, key) {
  const value = layer === "truth" ? undefined : figures?.[key];
  return Number.isFinite(value) ? value : -Infinity;
}

function dueRow({ layer, method, state }, labels, failures, width) {
  const failure = failures[layer] || "could not be made";
  const text = state === "failed" ? failure : "being made";
  const name = titleOf({ layer, label: labels.get(method) });
  return make(
    "tr",
    { class: "sg-due", attributes: { "data-state": state } },
    make("td", { attributes: { colspan: width } }, `${name}: `, make("span", { text })),
  );
}

/** What a layer is called; the second of a method has its number, whoever gave the name. */
export function titleOf({ layer, label }) {
  const number = layer.match(/-\d+$/)?.[0].replace("-", " ") ?? "";
  const name = label || layer;
  return name.endsWith(number) ? name : name + number;
}

function settingsText({ settings }) {
  const parts = Object.entries(settings ?? {})
    .filter(([, value]) => value !== null && typeof value !== "object")
    .map(([name, value]) => `${name} ${value}`);
  return parts.length ? `: ${parts.join(", ")}` : "";
}

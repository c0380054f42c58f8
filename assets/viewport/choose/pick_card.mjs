/** All that the shown frame says of the picked point; live, and against the frame before. */

import { button as iconButton } from "../page/widgets.mjs";
import { make } from "../page/dom.mjs";
import { count, grouped, metres } from "../page/format.mjs";
import { drawOdrMap } from "./odr_map.mjs";
import { categoryColor } from "../draw/palette.mjs";

export class PickCard {
  /** @param {object} ask onSelect(key), onIsolate(key), onClose(), onHover(key) */
  constructor(ask) {
    this.ask = ask;
    const keyAt = ({ target }) => target.closest("[data-key]")?.dataset.key ?? null;
    this.element = make("section", {
      class: "vp-pick",
      label: "Picked point",
      on: {
        pointerover: (event) => ask.onHover(keyAt(event)),
        pointerleave: () => ask.onHover(null),
      },
    });
    this.element.hidden = true;
    this.key = "";
  }

  /**
   * @param {?object} facts of pick_facts.mjs, null without a picked point
   * @param {{before: ?object, quantiles: ?object, neighbours: ?object, step, stepBefore}} around
   */
  update(facts, around) {
    this.element.hidden = !facts;
    if (!facts) return;
    const { before, quantiles, neighbours, step, stepBefore } = around;
    const key = JSON.stringify([facts, before, step, stepBefore, quantiles !== null]);
    if (key === this.key) return; // a card that is built anew loses pointer and focus
    this.key = key;
    const { object } = facts;
    this.element.replaceChildren(
      make(
        "div",
        { class: "vp-card-head" },
        make("h3", {
          text: `Point in ${object?.name ?? (facts.isPlane ? "a plane" : "no pseudo-instance")}`,
        }),
        make("span", { class: "vp-quiet vp-num", text: `step ${grouped(step)}` }),
        closeButton("Forget the point", this.ask.onClose),
      ),
      list([
        ["Place", vector(facts.place, 2)],
        [
          "Segment",
          facts.segment === null
            ? facts.isPlane
              ? "none: a plane"
              : "none"
            : this._object(`segment:${facts.segment}`, `segment ${facts.segment}`, facts.segment),
        ],
        [
          "Pseudo-instance",
          object
            ? this._object(
                object.key,
                `${object.name}, ${grouped(object.cells)} cells`,
                object.slot,
              )
            : "none",
        ],
        facts.hasTruth && ["True instance", facts.truth === null ? "none" : String(facts.truth)],
      ]),
      list([
        ["Offset before", length("before", facts.before, facts.beforeLength, before?.beforeLength)],
        ["Rank u", rankText(facts, before)],
        facts.priorLength !== null && [
          "F⁻¹(u)",
          figures(
            "prior",
            metres(facts.priorLength),
            delta(facts.priorLength, before?.priorLength, metres),
          ),
        ],
        ["Offset after", length("after", facts.after, facts.afterLength, before?.afterLength)],
        object && [
          "Target",
          length("target", object.target, object.targetLength, before?.object?.targetLength),
        ],
      ]),
      quantiles && facts.level !== null ? drawOdrMap(facts, quantiles) : "",
      make("p", { class: "vp-chain vp-num", text: chainText(facts) }),
      neighbours ? this._neighbours(neighbours) : "",
      stepBefore === null
        ? ""
        : make("p", {
            class: "vp-quiet vp-num",
            text: `Δ is the change since the frame of step ${grouped(stepBefore)}.`,
          }),
    );
  }

  _object(key, text, color) {
    const swatch = make("span", { class: "vp-swatch" });
    swatch.style.background = categoryColor(color);
    const name = make("button", {
      class: "vp-link",
      text,
      title: "Select its cells",
      attributes: { type: "button", "data-key": key },
      on: { click: () => this.ask.onSelect(key) },
    });
    return make(
      "span",
      { class: "vp-entry" },
      swatch,
      name,
      iconButton("alone", "Show it alone", () => this.ask.onIsolate(key)),
    );
  }

  _neighbours({ shared, alike, meanAway, numComponents, share }) {
    const held = share === null ? "" : `, which hold ${Math.round(100 * share)} % of the variance`;
    const text =
      `${shared} of ${alike.length} are also near in space; ` +
      `feature neighbours lie ${metres(meanAway)} away on average.`;
    const basis = `Features: their first ${numComponents} principal components${held}.`;
    return make(
      "div",
      { class: "vp-neighbours" },
      make("span", { class: "vp-entry" }, mark("alike"), "nearest in features"),
      make("span", { class: "vp-entry" }, mark("near"), "nearest in space"),
      make("p", { class: "vp-num", text }),
      make("p", { class: "vp-quiet vp-num", text: basis }),
    );
  }
}

function mark(kind) {
  return make("span", { class: "vp-mark", attributes: { "data-mark": kind } });
}

function chainText({ object, isPlane, segment }) {
  if (object) {
    return (
      `Component of ${grouped(object.cells)} cells → ` +
      `centroid ${vector(object.centroid, 2)} → target ${metres(object.targetLength)} away.`
    );
  }
  if (isPlane) return "On a plane, which SCR leaves out: no target.";
  if (segment === null) return "In no segment, so it has no target.";
  return "Its component was too small to keep, so it has no target.";
}

function rankText({ level, isRecorded }, before) {
  if (level === null) return isRecorded ? "not ranked by ODR" : "not recorded by this run";
  const words = `${isRecorded ? "" : "about "}${level.toFixed(3)}`;
  return figures(
    null,
    words,
    delta(level, before?.level, (value) => value.toFixed(3)),
  );
}

function length(quantity, vector3, metresLong, earlier) {
  return figures(
    quantity,
    metres(metresLong),
    delta(metresLong, earlier, metres),
    vector(vector3, 3),
  );
}

function figures(quantity, value, change, rest = "") {
  return make(
    "span",
    { class: "vp-figures vp-num" },
    quantity ? make("span", { class: "vp-dot", attributes: { "data-quantity": quantity } }) : null,
    make("b", { text: value }),
    change ? make("span", { class: "vp-delta", text: change }) : null,
    rest ? make("span", { class: "vp-quiet", text: rest }) : null,
  );
}

/** "Δ +1.2 cm", or nothing where there is nothing to compare with. */
export function delta(now, earlier, say) {
  if (now === null || now === undefined || earlier === null || earlier === undefined) return "";
  const change = now - earlier;
  return `Δ ${change < 0 ? "−" : "+"}${say(Math.abs(change))}`;
}

function vector(values, digits) {
  const unit = 10 ** digits;
  const say = (value) => (Math.round(value * unit) / unit || 0).toFixed(digits); // no "-0.00"
  return `(${values.map(say).join(", ")}) m`;
}

export function closeButton(label, onClick) {
  return make("button", {
    class: "vp-button vp-close",
    text: "×",
    label,
    title: label,
    attributes: { type: "button" },
    on: { click: onClick },
  });
}

function list(rows) {
  const parts = rows
    .filter(Boolean)
    .flatMap(([name, value]) => [
      make("dt", { text: name }),
      make("dd", { class: "vp-num" }, value),
    ]);
  return make("dl", { class: "vp-facts" }, ...parts);
}

/** For the legend of sizes elsewhere. */
export function sizeText({ cells, points }) {
  return `${count(points)} points, ${count(cells)} cells`;
}

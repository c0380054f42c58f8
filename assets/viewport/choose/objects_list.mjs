/** The segments or pseudo-instances of the shown frame: size, whether they show, which is alone. */

import { make } from "../page/dom.mjs";
import { count, grouped } from "../page/format.mjs";
import { categoryColor } from "../draw/palette.mjs";
import { objectsOf } from "./visibility.mjs";
import { button, choices } from "../page/widgets.mjs";

const MOST_ROWS = 40;
const KINDS = { object: "Pseudo-instances", segment: "Segments" };

export class ObjectsList {
  /** @param {object} ask onSelect(key), onHide(key), onIsolate(key), onHover(key), onShowAll() */
  constructor(ask) {
    this.ask = ask;
    this.kind = "object";
    this.isWhole = false;
    this.kinds = choices(
      "Which objects",
      Object.entries(KINDS).map(([kind, label]) => [
        kind,
        { label, title: label, content: [label] },
      ]),
      (kind) => {
        this.kind = kind;
        this._draw();
      },
    );
    this.showAll = make("button", {
      class: "vp-button",
      text: "Show all",
      attributes: { type: "button" },
      on: { click: () => ask.onShowAll() },
    });
    const keyAt = ({ target }) => target.closest("[data-key]")?.dataset.key ?? null;
    this.rows = make("div", {
      class: "vp-objects",
      attributes: { role: "list" },
      on: {
        pointerover: (event) => ask.onHover(keyAt(event)),
        pointerleave: () => ask.onHover(null),
      },
    });
    this.title = make("h3", { class: "vp-num" });
    this.element = make(
      "details",
      { class: "panel-part", label: "Objects" },
      make("summary", {}, this.title),
      make("div", { class: "vp-card-head" }, this.kinds.element, this.showAll),
      this.rows,
    );
    this.key = "";
  }

  /** @param {?{shown, perCell, hidden, isolated}} chosen */
  update(chosen) {
    this.element.hidden = !chosen;
    if (!chosen) return;
    this.chosen = chosen;
    this._draw();
  }

  _draw() {
    const { shown, perCell, hidden, isolated } = this.chosen;
    const key = JSON.stringify([this.kind, this.isWhole, shown.frame.step, [...hidden], isolated]);
    if (key === this.key && shown.frame === this.frame) return;
    [this.key, this.frame] = [key, shown.frame];
    this.kinds.set(this.kind);
    this.showAll.disabled = !hidden.size && !isolated;
    const shows = hidden.size || isolated ? "some hidden" : "all shown";
    this.title.textContent = `Objects: ${grouped(shown.frame.numInstances)} pseudo-instances, ${shows}`;
    const objects = objectsOf(this.kind, shown, perCell);
    const most = objects[0]?.points ?? 1;
    const rows = objects.slice(0, this.isWhole ? objects.length : MOST_ROWS);
    const focus = this.rows.contains(document.activeElement)
      ? document.activeElement.dataset.id
      : null;
    this.rows.replaceChildren(
      ...rows.map((object) => this._row(object, most)),
      ...this._rest(objects, rows),
    );
    if (focus) this.rows.querySelector(`[data-id="${CSS.escape(focus)}"]`)?.focus();
  }

  _row({ key, id, cells, points }, most) {
    const { hidden, isolated } = this.chosen;
    const isHidden = hidden.has(key) || (isolated !== null && isolated !== key);
    const noun = this.kind === "segment" ? "segment" : "pseudo-instance";
    const swatch = make("span", { class: "vp-swatch" });
    swatch.style.background = categoryColor(id);
    const bar = make("span", { class: "vp-share" });
    bar.style.width = `${(100 * points) / most}%`;
    const name = make(
      "button",
      {
        class: "vp-object-name",
        title: `Select ${noun} ${id}: ${grouped(points)} points, ${grouped(cells)} cells`,
        attributes: { type: "button", "data-id": `name ${key}` },
        on: { click: () => this.ask.onSelect(key) },
      },
      swatch,
      make("span", { text: String(id) }),
      make("span", { class: "vp-share-rail" }, bar),
      make("span", { class: "vp-quiet vp-num", text: count(points) }),
    );
    const eye = button(
      isHidden ? "hidden" : "shown",
      `${isHidden ? "Show" : "Hide"} ${noun} ${id}`,
      () => this.ask.onHide(key),
    );
    eye.setAttribute("aria-pressed", String(!isHidden));
    eye.dataset.id = `eye ${key}`;
    const alone = button(
      "alone",
      isolated === key ? `Show the others again` : `Show ${noun} ${id} alone`,
      () => this.ask.onIsolate(key),
    );
    alone.setAttribute("aria-pressed", String(isolated === key));
    alone.dataset.id = `alone ${key}`;
    return make(
      "div",
      {
        class: "vp-object",
        attributes: { role: "listitem", "data-key": key, ...(isHidden && { "data-hidden": "" }) },
      },
      name,
      eye,
      alone,
    );
  }

  _rest(objects, rows) {
    if (!objects.length) {
      return [
        make("p", {
          class: "vp-quiet",
          text: `No ${KINDS[this.kind].toLowerCase()} in this frame.`,
        }),
      ];
    }
    const left = objects.length - rows.length;
    if (!left) return [];
    return [
      make("button", {
        class: "vp-link",
        text: `and ${grouped(left)} smaller`,
        attributes: { type: "button" },
        on: {
          click: () => {
            this.isWhole = true;
            this._draw();
          },
        },
      }),
    ];
  }
}

/**
 * The list of instances beside the picture: click chooses one, Shift adds; a name is changed in
 * place; the row under the pointer and its object light up together, in both directions.
 */

import { make } from "../viewport/page/dom.mjs";
import { grouped, tenths } from "../viewport/page/format.mjs";
import { categoryColor } from "../viewport/draw/palette.mjs";
import { nameOf, ordered } from "./instances.mjs";

const MOST_ROWS = 150;
const HEADS = [
  ["id", "Object", "By number"],
  ["score", "Score", "How sure the method is, from 0 to 1"],
  ["points", "Points", ""],
  ["height", "Centroid, m", "x, y, z; ordered by height"],
  ["size", "Extent, m", "Along x, y, z; ordered by the diagonal"],
];

export class InstanceList {
  /** @param {object} ask onChoose(id, isAdded), onHover(id), onRename(id, text) */
  constructor(ask) {
    this.ask = ask;
    this.column = "id";
    this.isRising = true;
    this.isWhole = false;
    this.rows = [];
    this.marked = { chosen: new Set(), hovered: null };
    this.body = make("tbody", {
      on: {
        pointerover: ({ target }) => ask.onHover(idAt(target)),
        pointerleave: () => ask.onHover(null),
        click: (event) => this._click(event),
        dblclick: ({ target }) => this._edit(idAt(target)),
        keydown: (event) => this._key(event),
      },
    });
    this.heads = HEADS.map(([column, text, title]) =>
      make(
        "th",
        { attributes: { scope: "col", "data-column": column } },
        make("button", {
          text,
          title: title || `Order by ${text.toLowerCase()}`,
          attributes: { type: "button" },
          on: { click: () => this._order(column) },
        }),
      ),
    );
    this.more = make("button", {
      class: "vp-link",
      attributes: { type: "button" },
      on: {
        click: () => {
          this.isWhole = true;
          this._draw();
        },
      },
    });
    this.element = make(
      "div",
      { class: "sg-list" },
      make(
        "table",
        { class: "sg-table" },
        make("thead", {}, make("tr", {}, ...this.heads)),
        this.body,
      ),
      this.more,
    );
  }

  /** @param {object[]} rows as `rowsOf` makes them; a new list draws the table anew */
  update(rows, mayChange) {
    if (rows === this.rows && mayChange === this.mayChange) return;
    this.rows = rows;
    this.mayChange = mayChange;
    this._draw();
  }

  mark(chosen, hovered, isFromPicture) {
    this.marked = { chosen, hovered };
    for (const row of this.body.rows) this._mark(row);
    const id = isFromPicture ? hovered : null;
    if (id !== null) this._row(id)?.scrollIntoView({ block: "nearest" });
  }

  /** Show a row that was chosen elsewhere. */
  reveal(id) {
    this._row(id)?.scrollIntoView({ block: "nearest" });
  }

  _row(id) {
    return this.body.querySelector(`tr[data-id="${id}"]`);
  }

  _order(column) {
    this.isRising = column === this.column ? !this.isRising : column === "id";
    this.column = column;
    this._draw();
  }

  _draw() {
    this.element.hidden = this.rows.length === 0;
    const all = ordered(this.rows, this.column, this.isRising);
    const shown = this.isWhole ? all : all.slice(0, MOST_ROWS);
    for (const head of this.heads) {
      const order = this.isRising ? "ascending" : "descending";
      const isHere = head.dataset.column === this.column;
      if (isHere) head.setAttribute("aria-sort", order);
      else head.removeAttribute("aria-sort");
    }
    const focus = idAt(document.activeElement);
    const hadFocus = this.body.contains(document.activeElement);
    this.body.replaceChildren(...shown.map((row) => this._tableRow(row)));
    for (const row of this.body.rows) this._mark(row);
    if (hadFocus) this._row(focus)?.querySelector("button")?.focus({ preventScroll: true });
    const left = all.length - shown.length;
    this.more.hidden = left === 0;
    this.more.textContent = `and ${grouped(left)} more`;
  }

  _tableRow(row) {
    const swatch = make("span", { class: "vp-swatch" });
    swatch.style.background = categoryColor(row.id);
    const name = make(
      "button",
      {
        class: "sg-name",
        title: this.mayChange ? "Choose; Shift adds; double click or F2 names it" : "Choose",
        attributes: { type: "button" },
      },
      swatch,
      make("span", { text: nameOf(row) }),
    );
    const cells = [
      row.isMade ? "by hand" : row.score.toFixed(2),
      grouped(row.points),
      row.centroid.map(tenths).join(", "),
      row.extent.map(tenths).join(" × "),
    ];
    return make(
      "tr",
      { attributes: { "data-id": row.id } },
      make("td", {}, name),
      ...cells.map((text) => make("td", { class: "vp-num", text })),
    );
  }

  _mark(row) {
    const id = Number(row.dataset.id);
    const isChosen = this.marked.chosen.has(id);
    row.toggleAttribute("data-hovered", id === this.marked.hovered);
    row.toggleAttribute("data-chosen", isChosen);
    row.querySelector(".sg-name")?.setAttribute("aria-pressed", String(isChosen));
  }

  _click({ target, shiftKey, ctrlKey, metaKey, detail }) {
    const id = idAt(target);
    if (id === null || target.matches("input") || detail > 1) return;
    this.ask.onChoose(id, shiftKey || ctrlKey || metaKey);
  }

  _key(event) {
    if (event.key === "F2") this._edit(idAt(event.target));
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.target.matches("input")) return;
    const rows = [...this.body.rows];
    const next = rows[rows.indexOf(event.target.closest("tr")) + step];
    next?.querySelector("button").focus();
    event.preventDefault();
    event.stopPropagation();
  }

  _edit(id) {
    const row = id === null || !this.mayChange ? null : this._row(id);
    if (!row) return;
    const name = row.querySelector(".sg-name");
    const before = this.rows.find((one) => one.id === id)?.name ?? "";
    const field = make("input", {
      class: "sg-rename",
      label: "Name of the object",
      attributes: { type: "text", maxlength: 80, value: before, placeholder: `Object ${id}` },
      on: {
        keydown: (event) => {
          event.stopPropagation();
          if (event.key === "Enter") field.blur();
          if (event.key !== "Escape") return;
          field.value = before;
          field.blur();
        },
        blur: () => {
          field.replaceWith(name);
          this.ask.onRename(id, field.value);
        },
      },
    });
    name.replaceWith(field);
    field.select();
    field.focus();
  }
}

function idAt(element) {
  const row = element?.closest?.("tr[data-id]");
  return row ? Number(row.dataset.id) : null;
}

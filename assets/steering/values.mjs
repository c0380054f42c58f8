/** Values that may change while the trainer runs: a form, and what the change will do. */

import { make } from "../viewport/page/dom.mjs";
import { FieldRow, changedValues } from "./field_row.mjs";
import { isInForce } from "./fields.mjs";
import { phrase } from "./phrase.mjs";

const PREVIEW_AFTER_MS = 350;
const ORDER = [
  ...["offset.weight", "scr.num_segments", "scr.num_neighbours", "scr.link_radius", "scr.min_size"],
  ...["odr.prior.kind", "odr.prior.shape", "odr.prior.scale", "odr.prior.mu", "odr.prior.sigma"],
  ...["odr.prior.quantiles", "odr.prior.path", "optim.lr", "view.mask_ratio", "view.mask_size"],
];

export class Values {
  /** @param {{preview: Function, onApply: (values: object, lines: string[]) => void}} ask */
  constructor({ preview, onApply }) {
    this.preview = preview;
    this.onApply = onApply;
    this.rows = new Map();
    this.lines = [];
    this.list = make("div", { class: "st-fields" });
    this.count = make("span", { class: "quiet" });
    this.effect = make("div", { class: "st-effect", attributes: { role: "status" } });
    this.apply = make("button", {
      class: "button is-main",
      text: "Apply",
      attributes: { type: "submit" },
    });
    this.undo = make("button", {
      class: "button",
      text: "Discard",
      attributes: { type: "button" },
      on: { click: () => this.clear() },
    });
    this.foot = make("div", { class: "st-foot" }, this.effect, this.undo, this.apply);
    const form = make(
      "form",
      { on: { submit: (event) => this._submit(event) } },
      this.list,
      this.foot,
    );
    this.element = make(
      "details",
      { class: "st-fold" },
      make("summary", {}, "Values", this.count),
      form,
    );
  }

  /** The fields as the server has them now. */
  update(fields, isOpen, isOnItsWay) {
    this.isOnItsWay = isOnItsWay;
    const key = `${isOpen} ${fields.map(({ name }) => name).join(" ")}`;
    if (key !== this.key) this._build(fields, isOpen, key);
    else for (const field of fields) this.rows.get(field.name).rebase(field.value);
    this._show();
  }

  /** Back to what is in force. */
  clear() {
    for (const row of this.rows.values()) row.set(row.field.value);
    this._changed();
  }

  get changed() {
    return [...this.rows.values()].filter((row) => row.isChanged);
  }

  _build(fields, isOpen, key) {
    this.key = key;
    const place = ({ name }) => (ORDER.indexOf(name) + ORDER.length + 1) % (ORDER.length + 1);
    const sorted = fields.toSorted((a, b) => place(a) - place(b));
    const options = { onChange: () => this._changed(), isFixed: !isOpen };
    this.rows = new Map(sorted.map((field) => [field.name, new FieldRow(field, options)]));
    this.list.replaceChildren(...[...this.rows.values()].map(({ element }) => element));
    this.foot.hidden = !isOpen;
  }

  _show() {
    const kind = this.rows.get("odr.prior.kind")?.text;
    for (const [name, row] of this.rows) {
      row.element.hidden = kind !== undefined && !isInForce(name, kind) && !row.isChanged;
    }
    const changed = this.changed.length;
    this.count.textContent = changed ? `${changed} changed` : "";
    this.undo.disabled = changed === 0 || this.isOnItsWay;
    this.apply.disabled = this.undo.disabled || this.lines.length === 0;
    this.effect.hidden = this.isOnItsWay;
  }

  /** What is typed, and what is wrong with it at first sight. */
  _read() {
    const { values, isFine } = changedValues(this.rows.values());
    return isFine ? values : null;
  }

  _changed() {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.lines = [];
    this.effect.replaceChildren();
    const values = this._read();
    this._show();
    if (!values || !Object.keys(values).length) return;
    this.timer = setTimeout(() => this._ask(values), PREVIEW_AFTER_MS);
  }

  async _ask(values) {
    this.asking = new AbortController();
    try {
      const { lines, errors } = await this.preview(values, this.asking.signal);
      const isWrong = Object.keys(errors).length > 0;
      for (const [name, sentence] of Object.entries(errors))
        this.rows.get(name)?.complain(sentence);
      const others = Object.entries(errors).filter(([name]) => !this.rows.has(name));
      this.lines = isWrong ? [] : lines;
      const texts = isWrong ? others.map(([, sentence]) => sentence) : lines;
      this.effect.replaceChildren(...texts.map((text) => make("p", {}, ...phrase(text))));
    } catch (error) {
      if (error.name === "AbortError") return;
      this.effect.replaceChildren(make("p", { class: "fd-problem", text: error.message }));
    }
    this._show();
  }

  _submit(event) {
    event.preventDefault();
    const values = this._read();
    if (values && this.lines.length) this.onApply(values, this.lines);
  }
}

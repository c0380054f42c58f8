/** What was segmented before: how it stands, what was found, and a way to delete it. */

import { make } from "../viewport/page/dom.mjs";
import { STATES, isAlive, objects, phaseOf, points } from "./words.mjs";

const MOMENT = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

export class PastList {
  /** @param {{onDelete: (id: string) => Promise<void>}} ask */
  constructor(ask) {
    this.ask = ask;
    this.mayDelete = false;
    this.sure = null; // id whose deletion is asked back
    this.rows = [];
    this.list = make("div", { class: "sg-past-list", attributes: { role: "list" } });
    this.word = make("p", { class: "sg-fault", attributes: { role: "alert" } });
    this.word.hidden = true;
    this.none = make("p", {
      class: "quiet sg-none",
      text: "What you segment is listed here, and kept until you delete it.",
    });
    this.element = make(
      "section",
      { class: "sg-past", label: "Segmented so far" },
      make("h2", { text: "Segmented so far" }),
      this.word,
      this.none,
      this.list,
    );
  }

  allow(mayDelete) {
    this.mayDelete = mayDelete;
    this._draw();
  }

  update(rows) {
    this.fault("");
    this.rows = rows;
    this._draw();
  }

  fault(text) {
    this.word.textContent = text;
    this.word.hidden = !text;
  }

  _draw() {
    const key = JSON.stringify([this.rows, this.mayDelete, this.sure]);
    if (key === this.key) return;
    this.key = key;
    this.none.hidden = this.rows.length > 0;
    const focus = document.activeElement?.dataset?.sgKey;
    this.list.replaceChildren(...this.rows.map((row) => this._row(row)));
    if (focus) this.list.querySelector(`[data-sg-key="${CSS.escape(focus)}"]`)?.focus();
  }

  _row(row) {
    const { id, name, created, status, points: number, instances } = row;
    const facts = [
      points(number),
      instances === null || instances === undefined ? "" : objects(instances),
      when(created),
    ].filter(Boolean);
    const alive = isAlive(status);
    const progress = alive ? phaseOf(row) : null;
    const more = alive
      ? [progress.title, progress.text].join(" · ")
      : ["failed", "asking"].includes(status)
        ? row.detail
        : "";
    return make(
      "div",
      { class: "sg-past-row", attributes: { role: "listitem", "data-status": status } },
      make(
        "a",
        { class: "sg-past-link", attributes: { href: `/segment/${encodeURIComponent(id)}` } },
        make("span", { class: "sg-past-mark", attributes: { "data-status": status } }),
        make(
          "span",
          { class: "sg-past-text" },
          make("b", { text: name, title: name }),
          make("span", { class: "quiet", text: facts.join(" · ") }),
          more ? make("span", { class: "quiet sg-past-more", text: more }) : null,
          progress?.share === undefined ? null : barOf(progress.share),
        ),
        make("span", { class: `chip chip-${status}`, text: STATES[status] ?? status }),
      ),
      this.mayDelete ? this._delete(id, name) : null,
    );
  }

  _delete(id, name) {
    const button = (text, label, onClick, key) =>
      make("button", {
        class: "button sg-delete",
        text,
        label,
        attributes: { type: "button", "data-sg-key": `${key} ${id}` },
        on: { click: onClick },
      });
    const asked = (sure) => {
      this.sure = sure;
      this._draw();
    };
    if (this.sure !== id) {
      return button("Delete", `Delete ${name}`, () => asked(id), "delete");
    }
    const go = async () => {
      this.sure = null;
      try {
        await this.ask.onDelete(id);
      } catch (error) {
        this.fault(error.message);
      }
    };
    return make(
      "span",
      { class: "sg-sure" },
      make("span", { text: "Delete it for good?" }),
      button("Yes", `Delete ${name} for good`, go, "delete"),
      button("No", `Keep ${name}`, () => asked(null), "keep"),
    );
  }
}

function barOf(share) {
  const fill = make("span", { class: "bar-done" });
  fill.style.width = `${(100 * share).toFixed(1)}%`;
  return make("span", { class: "bar" }, fill);
}

function when(created) {
  const time = new Date(created);
  return Number.isNaN(time.getTime()) ? "" : MOMENT.format(time);
}

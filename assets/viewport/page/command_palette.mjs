/** All that can be done, by name: type some letters, choose with the arrows, Enter does it. */

import { make } from "./dom.mjs";
import { keyboard } from "./help.mjs";

const MOST_SHOWN = 60;

/**
 * How well letters fit a text: null where they are not in it in that order, else higher for letters
 * that stand together and at starts of words.
 */
export function fit(letters, text) {
  const [wanted, words] = [letters.toLowerCase().replace(/\s+/g, ""), text.toLowerCase()];
  let [score, at] = [0, -1];
  for (const letter of wanted) {
    const next = words.indexOf(letter, at + 1);
    if (next < 0) return null;
    const isStart = next === 0 || /[\s:,(]/.test(words[next - 1]);
    if (next === at + 1) score += 3;
    else if (isStart) score += 2;
    score -= Math.min(next - at - 1, 10) * 0.1;
    at = next;
  }
  if (words.includes(letters.toLowerCase().trim())) score += 10;
  return score - words.length * 0.01;
}

/** Entries that fit, best first; without letters all of them in their order. */
export function fitting(letters, entries) {
  if (!letters.trim()) return entries;
  return entries
    .map((entry) => ({ entry, score: fit(letters, `${entry.group}: ${entry.text}`) }))
    .filter(({ score }) => score !== null)
    .sort((a, b) => b.score - a.score)
    .map(({ entry }) => entry);
}

export class CommandPalette {
  /** @param {(letters: string) => {group, text, keys?, run}[]} entriesFor */
  constructor(entriesFor) {
    this.entriesFor = entriesFor;
    this.shown = [];
    this.chosen = 0;
    this.input = make("input", {
      class: "vp-palette-input",
      label: "Command",
      attributes: {
        type: "text",
        role: "combobox",
        "aria-expanded": "true",
        "aria-controls": "vp-palette-list",
        placeholder: "What to do? A name, a scene, or a step",
        spellcheck: "false",
        autocomplete: "off",
      },
      on: {
        input: () => this._fill(),
        keydown: (event) => this._key(event),
        blur: () => this.close(false),
      },
    });
    this.list = make("div", {
      class: "vp-palette-list",
      attributes: { role: "listbox", id: "vp-palette-list" },
    });
    this.element = make(
      "div",
      { class: "vp-palette", label: "Commands", attributes: { role: "dialog" } },
      this.input,
      this.list,
    );
    this.element.hidden = true;
  }

  get isOpen() {
    return !this.element.hidden;
  }

  open() {
    if (this.isOpen) return;
    this.cameFrom = document.activeElement;
    this.input.value = "";
    this.element.hidden = false;
    this._fill();
    this.input.focus();
  }

  close(givesBack = true) {
    if (!this.isOpen) return;
    this.element.hidden = true;
    if (givesBack) this.cameFrom?.focus?.();
  }

  _fill() {
    const letters = this.input.value;
    this.shown = fitting(letters, this.entriesFor(letters)).slice(0, MOST_SHOWN);
    this.chosen = 0;
    this.list.replaceChildren(
      ...this.shown.map((entry, k) =>
        make(
          "div",
          {
            class: "vp-palette-row",
            attributes: { role: "option", id: `vp-palette-${k}` },
            on: {
              pointerdown: (event) => {
                event.preventDefault(); // the input keeps the focus until the click is done
                this._run(k);
              },
              pointermove: () => this._choose(k),
            },
          },
          make("span", { class: "vp-quiet vp-palette-group", text: entry.group }),
          make("span", { class: "vp-palette-text", text: entry.text }),
          entry.keys?.length ? keyboard(entry.keys.slice(0, 1)) : null,
        ),
      ),
    );
    if (!this.shown.length) {
      this.list.append(make("p", { class: "vp-quiet", text: "Nothing is called that." }));
    }
    this._choose(0);
  }

  _choose(k) {
    this.chosen = k;
    [...this.list.children].forEach((row, at) =>
      row.setAttribute("aria-selected", String(at === k)),
    );
    this.input.setAttribute("aria-activedescendant", this.shown[k] ? `vp-palette-${k}` : "");
  }

  _key(event) {
    const count = this.shown.length;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && count) {
      this._choose((this.chosen + by + count) % count);
      this.list.children[this.chosen].scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") this._run(this.chosen);
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  _run(k) {
    const entry = this.shown[k];
    if (!entry) return;
    this.close();
    entry.run();
  }
}

/** The place to drop a scan on; shows what is taken, how far an upload is, and what went wrong. */

import { isAbort } from "../viewport/page/api.mjs";
import { make } from "../viewport/page/dom.mjs";
import { duration } from "../viewport/page/format.mjs";
import { upload } from "./api.mjs";
import { checkpointWords } from "./group_form.mjs";
import { formatsOf, refusalOf, size } from "./words.mjs";

const CHOICES = {
  units: ["Unit", { "": "as the file says", m: "metres", cm: "centimetres", mm: "millimetres" }],
  up: ["Up axis", { "": "as the file says", z: "z", y: "y", x: "x" }],
  domain: ["Kind", { "": "find out", indoor: "indoor", outdoor: "outdoor" }],
};

export class DropZone {
  /** @param {{onDone: (id: string) => void}} on */
  constructor(on) {
    this.on = on;
    this.limits = null;
    this.isAsking = true; // until the server has said what it takes
    this.waiting = []; // files that came before that
    this.input = make("input", {
      class: "hidden-text",
      label: "Scan",
      attributes: { type: "file", tabindex: -1 },
      on: { change: () => this.take(this.input.files) },
    });
    this.choose = make("button", {
      class: "button is-main",
      text: "Choose a file",
      attributes: { type: "button" },
      on: { click: () => this.input.click() },
    });
    this.formats = make("p", { class: "quiet" });
    this.word = make("p", { class: "sg-fault", attributes: { role: "alert" } });
    this.word.hidden = true;
    this.idle = make(
      "div",
      { class: "sg-idle" },
      make("span", { class: "sg-drop-mark" }),
      make("h2", { text: "Drop a scan" }),
      make("p", {
        text:
          "Its objects come back: found by where every point says that the centre of its object " +
          "is. No labels, no settings.",
      }),
      this.choose,
      this.word,
      this.formats,
    );
    this.busy = make("div", { class: "sg-busy" });
    this.busy.hidden = true;
    this.fields = this._fields();
    this.zone = make(
      "div",
      { class: "sg-drop", label: "Drop a scan here", attributes: { role: "group" } },
      this.idle,
      this.busy,
      this.input,
    );
    this.element = make("section", { class: "sg-drop-side" }, this.zone, this.more);
    this._listen();
  }

  dispose() {
    this.hands.abort();
    this.sending?.cancel();
  }

  /** What the server takes. */
  allow({ can_upload: canUpload, why, suffixes, max_upload_bytes: most, checkpoints }) {
    this.limits = canUpload ? { suffixes, max_upload_bytes: most } : null;
    this.zone.toggleAttribute("data-off", !canUpload);
    this.choose.disabled = !canUpload;
    this.more.hidden = !canUpload;
    this.input.setAttribute("accept", canUpload ? suffixes.join(",") : "");
    this.formats.textContent = canUpload
      ? `${formatsOf(suffixes)}. Up to ${size(most)}. It stays on the studio's machine.`
      : why || "This studio takes no files.";
    this._offer(checkpoints);
    this.isAsking = false;
    this.take(this.waiting.splice(0));
  }

  _offer(checkpoints) {
    const { checkpoint } = this.fields;
    if (!checkpoints || checkpoint.options.length === checkpoints.length) return;
    checkpoint.replaceChildren(
      ...checkpoints.map((name) =>
        make("option", {
          text: checkpointWords(name),
          attributes: { value: name === "auto" ? "" : name },
        }),
      ),
    );
  }

  take(files) {
    if (!files.length || this.sending) return;
    if (this.isAsking) {
      this.waiting = [...files];
      this.formats.textContent = `${files[0].name} is sent as soon as the studio answers.`;
    }
    if (!this.limits) return;
    const [file] = files;
    const refusal =
      files.length > 1 ? "One scan at a time: drop a single file." : refusalOf(file, this.limits);
    this.input.value = "";
    if (refusal) this.fault(refusal);
    else this._send(file);
  }

  fault(text) {
    this.word.textContent = text;
    this.word.hidden = !text;
    this._show(false);
  }

  async _send(file) {
    const options = Object.fromEntries(
      Object.entries(this.fields).map(([name, field]) => [name, field.value]),
    );
    this.fault("");
    this._show(true);
    const began = performance.now();
    this._progress(file, 0, file.size, began);
    const onProgress = (sent, total) => this._progress(file, sent, total, began);
    this.sending = upload(file, options, onProgress);
    try {
      const { id } = await this.sending.done;
      this.on.onDone(id);
    } catch (error) {
      this.fault(isAbort(error) ? "" : error.message);
    }
    this.sending = null;
  }

  _progress({ name }, sent, total, began) {
    const share = total ? sent / total : 0;
    const passed = (performance.now() - began) / 1000;
    const left = share > 0.02 && passed > 1 ? (passed / share) * (1 - share) : null;
    if (!this.busy.childNodes.length) {
      this.fill = make("div", { class: "bar-done" });
      this.text = make("p", { class: "quiet" });
      this.title = make("h2");
      this.busy.replaceChildren(
        this.title,
        make("div", { class: "bar", attributes: { role: "progressbar" } }, this.fill),
        this.text,
        make("button", {
          class: "button",
          text: "Cancel",
          attributes: { type: "button" },
          on: { click: () => this.sending?.cancel() },
        }),
      );
    }
    this.title.textContent = `Taking ${name}`;
    this.fill.style.width = `${(100 * share).toFixed(1)}%`;
    const words = [`${size(sent)} of ${size(total)}`];
    if (left !== null) words.push(`about ${duration(left)} left`);
    this.text.textContent = share < 1 ? words.join(" · ") : "There. It is looked at now.";
  }

  _show(isBusy) {
    this.idle.hidden = isBusy;
    this.busy.hidden = !isBusy;
    this.zone.toggleAttribute("data-busy", isBusy);
  }

  _fields() {
    const fields = {};
    const rows = Object.entries(CHOICES).map(([name, [label, options]]) => {
      fields[name] = make(
        "select",
        {},
        ...Object.entries(options).map(([value, text]) =>
          make("option", { text, attributes: { value } }),
        ),
      );
      return fieldOf(label, fields[name]);
    });
    fields.checkpoint = make("select");
    rows.push(fieldOf("Network", fields.checkpoint));
    this.more = make(
      "details",
      { class: "sg-more" },
      make("summary", { text: "If the file does not say" }),
      make("div", { class: "sg-more-fields" }, ...rows),
    );
    return fields;
  }

  /** The whole page takes what is dropped. */
  _listen() {
    this.hands = new AbortController();
    const { signal } = this.hands;
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    const over = (isOver) => this.zone.toggleAttribute("data-over", isOver);
    document.addEventListener(
      "dragover",
      (event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = this.limits && !this.sending ? "copy" : "none";
        over(Boolean(this.limits));
      },
      { signal },
    );
    document.addEventListener("dragleave", (event) => !event.relatedTarget && over(false), {
      signal,
    });
    document.addEventListener(
      "drop",
      (event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        over(false);
        this.take(event.dataTransfer.files);
      },
      { signal },
    );
  }
}

function fieldOf(label, field) {
  return make("label", { class: "sg-choice" }, make("span", { text: label }), field);
}

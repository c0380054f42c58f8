/** The page that takes a scan: drop one, pick a scene, or go back to what was segmented before. */

import { make } from "../viewport/page/dom.mjs";
import { ask, repeatedly } from "../steering/requests.mjs";
import { fromScene, list, remove } from "./api.mjs";
import { DropZone } from "./drop_zone.mjs";
import { PastList } from "./past_list.mjs";
import { ScenePicker } from "./scene_picker.mjs";
import { isAlive } from "./words.mjs";

const BUSY_MS = 1000;
const IDLE_MS = 5000;

export class StartPage {
  constructor(root) {
    this.zone = new DropZone({ onDone: (id) => this._open(id) });
    this.picker = new ScenePicker({ onScene: (body) => this._scene(body) });
    this.past = new PastList({ onDelete: (id) => this._delete(id) });
    root.replaceChildren(
      make(
        "div",
        { class: "sg-start" },
        make("div", { class: "sg-hero" }, this.zone.element, this.picker.element),
        this.past.element,
      ),
    );
    this.picker.start();
    this._askRights();
    this.beat = repeatedly(() => this._look());
  }

  dispose() {
    this.isGone = true;
    this.beat.end();
    this.zone.dispose();
  }

  async _askRights() {
    const { rights } = await ask("/api/session").catch(() => ({}));
    this.past.allow(rights === "control");
  }

  async _look() {
    let answer;
    try {
      answer = await list();
    } catch (error) {
      this.past.fault(error.message);
      return IDLE_MS;
    }
    if (this.isGone) return IDLE_MS;
    this.zone.allow(answer);
    this.picker.allow(answer.can_upload !== false || !answer.why, answer.why);
    this.past.update(answer.segmentations);
    return answer.segmentations.some(({ status }) => isAlive(status)) ? BUSY_MS : IDLE_MS;
  }

  async _scene(body) {
    const { id } = await fromScene(body);
    this._open(id);
  }

  async _delete(id) {
    await remove(id);
    await this.beat.now();
  }

  _open(id) {
    location.assign(`/segment/${encodeURIComponent(id)}`);
  }
}

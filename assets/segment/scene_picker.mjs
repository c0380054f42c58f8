/** A scene of the collections instead of a file; a simulated room is one click away. */

import { make } from "../viewport/page/dom.mjs";
import { ask } from "../steering/requests.mjs";

const AGAIN_MS = 1000;
const TURNS = 60;
const LISTING = ["waiting", "running", "lost"]; // its job starts when somebody first asks

export class ScenePicker {
  /** @param {{onScene: (body: {collection: string, scene: string}) => Promise<void>}} on */
  constructor(on) {
    this.on = on;
    this.example = make("button", {
      class: "button is-main",
      text: "Try a simulated room",
      attributes: { type: "button" },
      on: { click: () => this._send(this.room) },
    });
    this.collection = make("select", {
      label: "Collection",
      on: { change: () => this._scenes() },
    });
    this.scene = make("select", { label: "Scene" });
    this.go = make("button", {
      class: "button",
      text: "Segment this scene",
      attributes: { type: "button" },
      on: {
        click: () =>
          this._send({ collection: this.collection.value, scene: this.scene.value }),
      },
    });
    this.word = make("p", { class: "sg-fault", attributes: { role: "alert" } });
    this.word.hidden = true;
    this.buttons = [this.example, this.go];
    for (const button of this.buttons) button.disabled = true;
    this.element = make(
      "section",
      { class: "sg-pick" },
      make("h2", { text: "No scan at hand?" }),
      make("p", { class: "quiet", text: "A room made by the simulator knows its true objects." }),
      this.example,
      make("hr", { class: "sg-rule" }),
      make("h2", { text: "A scene of a collection" }),
      this.collection,
      this.scene,
      this.go,
      this.word,
      make("a", { class: "quiet", text: "All scenes", attributes: { href: "/scenes" } }),
    );
  }

  async start() {
    try {
      const { collections } = await ask("/api/collections");
      this.collection.replaceChildren(
        ...collections.map(({ id, title }) =>
          make("option", { text: title, attributes: { value: id } }),
        ),
      );
      const simulated = collections.filter((one) => one.simulated);
      const rooms = simulated.find(({ id }) => /room|indoor/i.test(id)) ?? simulated[0];
      if (rooms) {
        const { scenes } = await this._listed(rooms.id);
        this.room = scenes.length ? { collection: rooms.id, scene: scenes[0].id } : null;
      }
      this.isKnown = true;
      await this._scenes();
    } catch (error) {
      this._fault(error.message);
    }
    this._able();
  }

  /** Whether anything may be started here. */
  allow(mayStart, why) {
    this.mayStart = mayStart;
    this.element.title = mayStart ? "" : why;
    this._able();
  }

  _able() {
    this.example.disabled = !this.mayStart || !this.room || this.isBusy;
    this.go.disabled = !this.mayStart || !this.scene.options.length || this.isBusy;
  }

  async _scenes() {
    const { value } = this.collection;
    if (!value) return;
    const { scenes, total } = await this._listed(value);
    if (value !== this.collection.value) return; // another was chosen meanwhile
    const fine = scenes.filter(({ state }) => state !== "failed");
    this.scene.replaceChildren(
      ...fine.map(({ id }) => make("option", { text: id, attributes: { value: id } })),
    );
    this.scene.title = total > fine.length ? `The first ${fine.length} of ${total}` : "";
    this._able();
  }

  /** A page of a collection; asked again while nobody has looked into it before. */
  async _listed(id) {
    for (let turn = 0; ; turn += 1) {
      const page = await ask(`/api/collections/${encodeURIComponent(id)}/scenes`);
      const isComing = !page.scenes.length && LISTING.includes(page.progress?.status);
      if (!isComing || turn >= TURNS) return page;
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
  }

  async _send(body) {
    this.isBusy = true;
    this._able();
    this._fault("");
    try {
      await this.on.onScene(body);
    } catch (error) {
      this._fault(error.message);
      this.isBusy = false;
      this._able();
    }
  }

  _fault(text) {
    this.word.textContent = text;
    this.word.hidden = !text;
  }
}

/**
 * The picture with what every page puts around it: camera presets, actions, keys, help, theme.
 * Pages with a run or with a scene of a collection are built on it; it knows of neither.
 *
 * A page gives `toolbar`, `legend` and `notices` (with an `element`, or `banners` and `panel`), and
 * overrides `refresh`, `pictureName`, and where it has more to say `commands`, `hasFrame`, `moved`.
 */

import { WALLS } from "../draw/cutaway.mjs";
import { Gizmo } from "../draw/gizmo.mjs";
import { makeHelp } from "./help.mjs";
import { commandOf, isChord, isTakenBy } from "./keys.mjs";
import { make, prefersStill } from "./dom.mjs";
import { withTexts } from "./png_text.mjs";
import { NoWebGL2Error } from "../draw/renderer.mjs";
import { inputKind } from "../draw/records.mjs";
import { watchTheme } from "./theme.mjs";
import { makeActions } from "./toolbar.mjs";
import { View } from "../draw/view.mjs";

const COLLAPSE_MS = 200;
const SIZE_STEP = 0.25; // of a doubling of the points' size, a click
const MOST_SIZE = 1.5; // doublings, either way

export class Stage {
  constructor(root) {
    this.root = root;
    this.context = "ok";
    this.wantedWalls = null; // where somebody has chosen; else by the kind of scene
    this.wantedColouring = null; // kept over scenes that do not have it
  }

  get hasFrame() {
    return false;
  }

  /** A picture was drawn, maybe from elsewhere. */
  moved() {}

  /** The look that was asked for. */
  get wanted() {
    return this.view.look;
  }

  /** Hand a look on to the picture. */
  applyLook(values) {
    this.view.setLook(values);
  }

  /** What a saved picture says of itself, by key. */
  pictureTexts() {
    return {};
  }

  /** Put the parts in the page. */
  build({ label, page, over = [], actions = [] }) {
    this.page = page;
    this.actions = makeActions((name, argument) => this.commands()[name](argument), actions);
    this.gizmo = new Gizmo((preset) => this.view.resetCamera(true, preset));
    this.help = makeHelp(() => this.showHelp(false), page);
    this.summary = make("div", { class: "vp-hidden", attributes: { "aria-live": "polite" } });
    this.stage = make(
      "div",
      { class: "vp-stage", label, attributes: { tabindex: 0, role: "application" } },
      ...over,
      this.legend.element,
      this.actions,
      this.gizmo.element,
      this.notices.banners,
      this.notices.panel,
      this.help,
    );
    this.root.replaceChildren(this.toolbar.element, this.stage, this.summary);
    this.root.classList.add("viewport");
  }

  /** Start to draw; false, with a notice that says why, where the browser cannot. */
  open() {
    try {
      this.view = new View({
        onDrawn: ({ countChanged }) => {
          this.gizmo.update(this.view.camera);
          this.moved();
          if (countChanged) this.refresh();
        },
        onContext: (isLost) => {
          this.context = isLost ? "lost" : "ok";
          this.refresh();
        },
      });
    } catch (error) {
      if (!(error instanceof NoWebGL2Error)) throw error;
      this.root.dataset.phase = "unable";
      this.notices.showFault(
        "No 3D picture here",
        `${error.message} Switch on hardware acceleration, or use a current Firefox, Chrome, ` +
          "Edge or Safari. The figures beside this work without it.",
      );
      return false;
    }
    this.stage.prepend(this.view.canvas);
    this.unwatchTheme = watchTheme(this.root, (colors) => {
      this.colors = colors;
      this.look({});
    });
    return true;
  }

  dispose() {
    this.listeners?.abort();
    this.unwatchTheme?.();
    this.view?.dispose();
    this.root.replaceChildren();
  }

  // -- the look -------------------------------------------------------------------------------

  look(values) {
    const { background, unassigned, target: targetColor, plane: planeColor } = this.colors;
    const votes = values.votes ?? this.wanted.votes;
    if (values.colouring) this.wantedColouring = values.colouring;
    if (values.walls) this.wantedWalls = values.walls;
    const voteColor = this.colors[votes];
    const arrowColors = this.colors;
    const theme = { background, unassigned, targetColor, planeColor, voteColor, arrowColors };
    this.applyLook({ ...theme, ...values });
    this.refresh();
  }

  /** Show another scene, in the colouring that was chosen if it has that one, else in `first`. */
  showScene(scene, { isIndoor, isPossible, first = inputKind(scene) ? "input" : "height" }) {
    const wanted = this.wantedColouring ?? first;
    const colouring = isPossible(wanted) ? wanted : "height";
    this.applyLook({ walls: this.wantedWalls ?? (isIndoor ? "cut" : "all"), colouring });
    this.view.setScene(scene);
    this.look({});
  }

  collapse(to) {
    const from = this.wanted.t;
    if (prefersStill()) {
      this.look({ t: to });
      return;
    }
    const start = performance.now();
    const advance = (now) => {
      const share = Math.min(Math.max((now - start) / COLLAPSE_MS, 0), 1);
      this.look({ t: from + (to - from) * share * share * (3 - 2 * share) });
      if (share < 1 && !this.view.isDisposed) requestAnimationFrame(advance);
    };
    requestAnimationFrame(advance);
  }

  resize(by) {
    const power = Math.round(Math.log2(this.wanted.size) / SIZE_STEP + by) * SIZE_STEP;
    this.look({ size: 2 ** Math.min(Math.max(power, -MOST_SIZE), MOST_SIZE) });
  }

  // -- what one does with the picture ---------------------------------------------------------

  async screenshot() {
    const png = new Uint8Array(await (await this.view.toBlob()).arrayBuffer());
    const blob = new Blob([withTexts(png, this.pictureTexts())], { type: "image/png" });
    const href = URL.createObjectURL(blob);
    make("a", { attributes: { href, download: this.pictureName() } }).click();
    URL.revokeObjectURL(href);
  }

  full() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen?.();
  }

  showHelp(open = this.help.hidden) {
    this.help.hidden = !open;
    (open ? this.help.querySelector("button") : this.stage).focus();
  }

  // -- keys -----------------------------------------------------------------------------------

  /** Take keys while one of the places has focus. */
  listen(places) {
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    document.addEventListener(
      "keydown",
      (event) => {
        const isHere = places.some((place) => place.contains(event.target));
        if (isHere || isChord(event)) this._key(event);
      },
      { signal },
    );
    this.root.addEventListener("keyup", ({ key }) => this.view.controls.keyUp(key.toLowerCase()), {
      signal,
    });
    this.root.addEventListener("focusout", () => this.view.controls.release(), { signal });
  }

  /** What keys can ask for, by name. */
  commands() {
    const look = this.wanted;
    return {
      collapse: () => this.hasFrame && this.collapse(look.t < 0.5 ? 1 : 0),
      walls: () => this.look({ walls: WALLS[(WALLS.indexOf(look.walls) + 1) % WALLS.length] }),
      centroids: () => this.look({ centroids: !look.centroids }),
      size: (by) => this.resize(by),
      reset: () => this.view.resetCamera(),
      screenshot: () => this.screenshot(),
      full: () => this.full(),
      help: () => this.showHelp(),
      leave: () => (this.help.hidden ? document.activeElement.blur() : this.showHelp(false)),
    };
  }

  _key(event) {
    if (isTakenBy(event.target, event.key)) return;
    const [name, argument] = commandOf(event, this.page) ?? [];
    const command = this.commands()[name];
    const isFlight =
      event.target === this.stage && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (command) command(argument);
    else if (!isFlight || !this.view.controls.keyDown(event.key.toLowerCase())) return;
    event.preventDefault();
  }
}

/**
 * The page of a run: toolbar, picture, legend, notices and timeline around one session. Everything
 * on screen follows from `refresh`. What is chosen in the picture is in `Choosing`.
 */

import { readView } from "./address.mjs";
import { Choosing } from "../choose/choosing.mjs";
import { CommandPalette } from "./command_palette.mjs";
import { prefersStill, throttled } from "./dom.mjs";
import { Legend } from "./legend.mjs";
import { Notices, summaryOf } from "./notices.mjs";
import { PageState, announceFrame } from "./page_state.mjs";
import { entriesFor } from "./palette_entries.mjs";
import { inputKind } from "../draw/records.mjs";
import { Remembering } from "./remembering.mjs";
import { captured, shownAgain, textsOf } from "./run_view.mjs";
import { Session } from "../time/session.mjs";
import { Stage } from "./stage.mjs";
import { Timeline } from "../time/timeline.mjs";
import { COLOURINGS, Toolbar } from "./toolbar.mjs";
import { Trailing } from "../time/trailing.mjs";

const SUMMARY_EVERY_MS = 5000;
const CLOCK_MS = 1000;
const MESSAGE_MS = 4000;
const FIRST_COLOURING = "instance"; // what SCR makes of the scene; the input until there is a frame
const FIRST_TRAIL_FRAMES = 8;

export class Shell extends Stage {
  constructor(root, timelineRoot) {
    super(root);
    this.run = root.dataset.run;
    const asked = linkedBy(location.href);
    this.pending = asked; // of a link, until there is a frame to show it with
    this.wantedColouring = asked.colouring ?? null;
    this.wantedWalls = asked.walls ?? null;
    // What panes may decide for themselves, and what the renderer does not keep for us.
    this.firstTrailFrames = FIRST_TRAIL_FRAMES;
    this.base = {
      colouring: FIRST_COLOURING,
      votes: "before",
      arrows: [],
      trailFrames: FIRST_TRAIL_FRAMES,
    };
    this.toolbar = new Toolbar({
      onScene: (id) => this.session.openScene(id),
      onLook: (values) => this.look(values),
      onCollapse: (t) => this.collapse(t),
      onPanes: (preset) => this.choosing.setPanes(preset),
      onCompare: () => this.choosing.compare(this.session.player.shown),
    });
    this.legend = new Legend();
    this.notices = new Notices({ onRetry: () => this._retry() });
    this.palette = new CommandPalette((letters) => entriesFor(this, letters));
    this.choosing = new Choosing(this);
    this.build({
      label: `3D view of run ${this.run}`,
      page: "run",
      over: [...this.choosing.elements, this.palette.element],
      actions: [
        ["link", "Copy a link to this view (Ctrl+Shift+C)", "link"],
        ["undo", "Undo a change of the view (Ctrl+Z)", "undo"],
        ["redo", "Redo it (Ctrl+Y)", "redo"],
        ["commands", "All commands (Ctrl+K)", "palette"],
      ],
    });
    if (!this.open()) return;
    this.choosing.attach();
    this.timeline = new Timeline(timelineRoot, (action) => this.session.steer(action));
    this.pageState = new PageState(this.run);
    this.summarise = throttled(
      SUMMARY_EVERY_MS,
      () => (this.summary.textContent = summaryOf(this.session, this.choosing.selecting)),
    );
    this.listen([root, timelineRoot]);
    this.remembering = new Remembering(
      () => captured(this),
      (state) => shownAgain(this, state),
    );
    this.session = new Session(
      this.run,
      {
        onScene: (scene) => this._scene(scene),
        onFrame: () => this.showFrames(),
        onChange: () => this.refresh(),
        onScalars: () => this.pageState.notice(this.session),
      },
      asked,
    );
    this.choosing.watch(this.session);
    this.trailing = new Trailing(this.session, (trails) => this.view.setTrails(trails));
    const { signal } = this.listeners;
    window.addEventListener(
      "hashchange",
      ({ newURL }) => shownAgain(this, { view: linkedBy(newURL), selection: undefined }),
      { signal },
    );
    this.clock = setInterval(() => this.refresh(), CLOCK_MS);
  }

  get hasFrame() {
    return this.session.shown !== null;
  }

  dispose() {
    clearInterval(this.clock);
    clearTimeout(this.messageTimer);
    this.remembering?.close();
    this.pageState?.close();
    this.session?.close();
    this.choosing.hands?.abort();
    this.timeline?.element.remove();
    super.dispose();
  }

  // -- the look -------------------------------------------------------------------------------

  get wanted() {
    return { ...this.view.look, ...this.base };
  }

  applyLook(values) {
    const before = this.base.colouring;
    const rest = { ...values };
    for (const name of Object.keys(this.base)) {
      if (rest[name] !== undefined) this.base[name] = rest[name];
      delete rest[name];
    }
    const { arrows, trailFrames } = this.base;
    const trails = { frames: prefersStill() ? 0 : trailFrames };
    const { colouring, votes } = this.base;
    const own = { colouring, votes, arrows, trails };
    this.looks = this.choosing.comparing.looks(own, (kind) => ({ voteColor: this.colors[kind] }));
    if (this.looks.length === 1) this.view.setLook({ ...rest, ...this.looks[0] });
    else {
      this.view.setLook(rest);
      this.looks.forEach((look, pane) => this.view.panes[pane].setLook(look));
    }
    const repaints = [before, this.base.colouring].includes("difference");
    if (repaints && before !== this.base.colouring) this.showFrames(false);
    if (values.trailFrames !== undefined) this.trailing?.update(trailFrames);
  }

  /** The frame at the cursor has changed, or what the panes make of it. */
  showFrames(isNew = true) {
    const { session, choosing, view } = this;
    if (!session?.scene) return;
    if (isNew && session.shown) choosing.setShown(session.shown);
    const { unassigned, text } = this.colors;
    const frames = choosing.comparing.frames(this.base.colouring, unassigned, text);
    frames.forEach((shown, pane) => {
      if (!shown) return;
      if (pane === 0) view.setFrame(shown.frame, shown.slots);
      else view.panes[pane].setFrame(shown.frame, shown.slots);
    });
    if (!isNew || !session.shown) return;
    this.trailing?.update(prefersStill() ? 0 : this.base.trailFrames);
    this.pageState.cursor(session);
    requestAnimationFrame(() => !view.isDisposed && announceFrame(this.run, session));
    if (this.pending) this._showLinked();
  }

  moved() {
    this.choosing.place();
    this.remembering?.note();
  }

  /** For the page's other scripts and for tests. */
  state() {
    const { session, view } = this;
    if (!session) return null;
    const { player } = session;
    const { t, votes, walls, colouring } = this.wanted;
    return {
      run: this.run,
      scene: session.sceneId,
      step: player.shown,
      latest: player.latest,
      frames: player.steps.length,
      following: player.following,
      t,
      votes,
      walls,
      colouring: colouring === "difference" ? colouring : view.renderer.effectiveColouring(),
      drawn: view.drawn,
      total: session.scene?.numPoints ?? 0,
      ...this.choosing.state(),
      pixelHash: () => view.pixelHash(),
    };
  }

  refresh() {
    const { session, view } = this;
    if (!session) return; // its first words come before it is handed over
    const { comparing } = this.choosing;
    const look = this.wanted;
    this.root.dataset.phase = session.loading.phase;
    this.toolbar.update({
      scenes: session.scenes,
      sceneId: session.sceneId,
      scene: session.scene,
      look,
      hasFrame: this.hasFrame,
      comparing,
    });
    const isDifference = look.colouring === "difference";
    this.legend.update({
      session,
      look,
      drawn: view.drawn,
      colouring: isDifference ? look.colouring : view.renderer.effectiveColouring(),
      comparing,
      trailScale: this.hasFrame ? view.trailScale : null,
    });
    this.notices.update(session, this.context);
    this.timeline.update(session);
    this.choosing.refresh();
    this.summarise();
    this.remembering.note();
    const status = session.state && `${session.state.status} ${session.state.step}`;
    if (status !== this.lastStatus) {
      this.lastStatus = status;
      this.pageState.notice(this.session);
    }
  }

  pictureName() {
    const { sceneId, player } = this.session;
    return `${this.run}-${sceneId}-step${player.shown ?? 0}.png`;
  }

  pictureTexts() {
    return textsOf(this);
  }

  commands() {
    const steer = (action) => this.session.steer(action);
    return {
      ...super.commands(),
      ...this.choosing.commands(),
      play: () => steer((player) => player.toggle(performance.now())),
      move: (by) => steer((player) => player.move(by)),
      home: () => steer((player) => player.home()),
      follow: () => steer((player) => player.follow()),
      votes: (votes) => this.hasFrame && this.look({ votes }),
      undo: () => this.remembering.undo(),
      redo: () => this.remembering.redo(),
      link: () => this.copyLink(),
      palette: () => this.palette.open(),
      leave: () => {
        if (!this.help.hidden) this.showHelp(false);
        else if (!this.choosing.escape()) document.activeElement.blur();
      },
    };
  }

  async copyLink() {
    const { hash, isWhole } = this.remembering.link();
    const address = `${location.origin}${location.pathname}${hash}`;
    const rest = isWhole ? "" : " The selection is too large for a link and is left out.";
    try {
      await navigator.clipboard.writeText(address);
      this.say(`Link copied.${rest}`);
    } catch {
      this.remembering.addressBar.show(hash);
      this.say(`No clipboard here: the link is the page's address.${rest}`);
    }
  }

  /** A word over the picture that goes by itself. */
  say(text) {
    this.choosing.say(text);
    clearTimeout(this.messageTimer);
    this.messageTimer = setTimeout(() => this.choosing.say(""), MESSAGE_MS);
  }

  _scene(scene) {
    const { pending } = this;
    this.choosing.setScene(scene);
    const has = { input: inputKind(scene), truth: scene.instance, difference: null };
    this.showScene(scene, {
      isIndoor: this.session.info.config?.scene?.domain === "indoor",
      isPossible: (colouring) => has[colouring] !== null,
      first: FIRST_COLOURING,
    });
    if (pending) shownAgain.look(this, pending);
  }

  /** What a link says and only a frame can show. */
  _showLinked() {
    const view = this.pending;
    this.pending = null;
    shownAgain.choice(this, view);
    if (view.play && !prefersStill()) this.commands().play();
  }

  _retry() {
    if (this.session.loading.phase === "error") this.session.start();
    this.session.live?.retry();
  }
}

/** The view that an address asks for. */
export function linkedBy(address) {
  return readView(new URL(address).hash, Object.keys(COLOURINGS));
}

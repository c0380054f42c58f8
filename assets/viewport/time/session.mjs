/**
 * One run being watched: its scenes, its frames as they come, and the cursor through them.
 *
 * The newest frame is pulled when the last one is on screen, so a slow page skips frames instead of
 * falling behind. Tells its owner through `on`: onScene(scene), onFrame(frame, slots), onChange(),
 * onScalars(step).
 */

import { Api, isAbort } from "../page/api.mjs";
import { throttled } from "../page/dom.mjs";
import { FrameSource } from "./frame_source.mjs";
import { matchSlots } from "./identity.mjs";
import { Live } from "./live.mjs";
import { Player } from "./player.mjs";
import { decodeScene } from "../draw/records.mjs";

const RETRY_MS = 1000;
const DETAILS_EVERY_MS = 4000; // marks and the list of scenes while a run is live
const FRAMES_EVERY_MS = 1000; // notices tell of the newest frame only; the list tells of all
const LIVE_STATUS = new Set(["starting", "running", "paused", "stalled"]);

export class Session {
  /** @param {{scene?, step?: ?number, slots?}} asked what a link asks for; step null = newest */
  constructor(run, on, asked = {}) {
    this.run = run;
    this.on = on;
    this.asked = asked;
    this.anchor = null; // {frame, slots} that colours are matched to, in place of the frame before
    this.api = new Api(run);
    this.player = new Player();
    this.frames = new FrameSource(this);
    this.info = null;
    this.version = null;
    this.state = null; // state.json of the run
    this.wasLive = false; // seen running since the page opened
    this.link = { status: "connecting" };
    this.heardAt = null; // performance.now() of what we know
    this.sceneId = null;
    this.scene = null;
    this.shown = null; // {frame, slots}
    this.loading = { phase: "run" }; // run | scene | ready | error
    this.fault = ""; // a frame that could not be read
    this.refreshDetails = throttled(DETAILS_EVERY_MS, () => this._fetchDetails());
    this.refreshFrames = throttled(FRAMES_EVERY_MS, () => this._fetchFrames());
    const { step } = asked;
    if (step !== undefined && step !== null) {
      Object.assign(this.player, { cursor: step, following: false });
    }
    this.start();
  }

  get isLive() {
    return LIVE_STATUS.has(this.state?.status);
  }

  get scenes() {
    return this.info?.scenes.map(({ id }) => id) ?? [];
  }

  async start() {
    this._set({ loading: { phase: "run" } });
    try {
      this.info = await this.api.run();
    } catch (error) {
      if (!this.isClosed) this._set({ loading: { phase: "error", message: error.message } });
      return;
    }
    if (this.isClosed) return;
    this.version = this.info.version;
    this._heard(this.info);
    this.live ??= new Live({ run: this.run, api: this.api, on: this._notices() });
    const wanted = [this.sceneId, this.asked.scene, this.scenes[0]];
    if (this.scenes.length) this.openScene(wanted.find((id) => this.scenes.includes(id)));
    else this._set({ loading: { phase: "waiting" } });
  }

  async openScene(id) {
    this.opening?.abort();
    const opening = new AbortController();
    this.opening = opening;
    const before = this.player;
    this.player = Object.assign(new Player(), { following: before.following, speed: before.speed });
    this.player.cursor = before.cursor;
    this.anchor = null;
    this._set({
      sceneId: id,
      scene: null,
      shown: null,
      fault: "",
      loading: { phase: "scene", received: 0, total: 0 },
    });
    try {
      const { signal } = opening;
      const onProgress = (received, total) =>
        this._set({ loading: { phase: "scene", received, total } });
      const [bytes, frames] = await Promise.all([
        this.api.scene(id, this.version, { signal, onProgress }),
        this.api.frames(id, signal),
      ]);
      if (this.opening !== opening || this.isClosed) return; // another scene was asked for
      this.scene = decodeScene(bytes);
      this.player.keep(frames.steps); // some may have been announced while the list was on its way
    } catch (error) {
      if (!isAbort(error)) this._set({ loading: { phase: "error", message: error.message } });
      return;
    }
    this.on.onScene(this.scene);
    this._set({ loading: { phase: "ready" } });
    this.pump();
  }

  close() {
    this.isClosed = true;
    this.opening?.abort();
    this.live?.close();
    clearTimeout(this.retryTimer);
  }

  // -- moving the cursor ----------------------------------------------------------------------

  /** Do something with the player, then bring the wanted frame to the screen. */
  steer(action) {
    action(this.player);
    this.frames.abandon();
    this.on.onChange();
    this.pump();
    if (this.player.playing) this._keepPlaying();
  }

  _keepPlaying() {
    if (this.playTimer) return;
    const beat = (now) => {
      this.playTimer = null;
      if (this.isClosed || !this.player.playing) return;
      if (this.player.tick(now, this.isLive)) {
        this.on.onChange();
        this.pump();
      }
      this.playTimer = requestAnimationFrame(beat);
    };
    this.playTimer = requestAnimationFrame(beat);
  }

  /** Fetch and show what is wanted, one frame at a time, until the screen has caught up. */
  async pump() {
    if (this.isPumping || !this.scene) return;
    this.isPumping = true;
    try {
      for (
        let step = this.player.wanted();
        step !== null && !this.isClosed;
        step = this.player.wanted()
      ) {
        await this._show(step);
      }
    } catch {
      this.retryTimer = setTimeout(() => this.pump(), RETRY_MS); // no answer; the link says why
    } finally {
      this.isPumping = false;
    }
    this.frames.prefetch();
  }

  async _show(step) {
    const { player, version } = this;
    let frame;
    try {
      frame = await this.frames.awaited(step);
    } catch (error) {
      if (isAbort(error) || player !== this.player || version !== this.version) return;
      if (error.status === 0) throw error;
      if (error.status !== 404) this.fault = `Frame ${step} cannot be shown: ${error.message}`;
      player.forget(step); // thinned out since, or damaged; its neighbour takes its place
      this.on.onChange();
      return;
    }
    if (player !== this.player || version !== this.version || !this.scene) return;
    this.shown = { frame, slots: this._slotsOf(frame) };
    player.showed(step);
    this.on.onFrame(frame, this.shown.slots);
    this.on.onChange();
    await new Promise(requestAnimationFrame); // let it reach the screen before asking for more
  }

  /** A colour slot for each row: as a link says, else matched to the anchor or the frame before. */
  _slotsOf(frame) {
    const { asked, anchor, shown } = this;
    const isAsked = asked.step === frame.step && (asked.scene ?? this.sceneId) === this.sceneId;
    if (isAsked && asked.slots?.length === frame.numInstances) return asked.slots;
    const before = anchor ?? shown;
    if (before?.frame === frame) return before.slots;
    const known = before && { ids: before.frame.instance, slots: before.slots };
    return matchSlots(frame.instance, frame.numInstances, known);
  }

  /** Slots for a frame that is not shown, matched to the one that is. */
  slotsLike(frame) {
    const known = this.shown && { ids: this.shown.frame.instance, slots: this.shown.slots };
    return matchSlots(frame.instance, frame.numInstances, known);
  }

  /** Match colours to a frame from now on, or (null) from frame to frame again. */
  setAnchor(anchor) {
    this.anchor = anchor;
    if (anchor && this.shown) {
      this.shown = { frame: this.shown.frame, slots: this._slotsOf(this.shown.frame) };
    }
  }

  // -- notices --------------------------------------------------------------------------------

  _notices() {
    return {
      onLink: (link) => this._set({ link }),
      onState: (state) => {
        this._heard(state);
        this._set({});
        this.refreshDetails();
      },
      onScalars: (step) => this.on.onScalars(step),
      onFrame: (scene, step, version) => {
        if (version !== this.version) {
          this._resumed(version);
        } else if (scene === this.sceneId) {
          this.heardAt = performance.now();
          this.player.announce(step);
          this.on.onChange();
          this.pump();
          this.refreshFrames();
        }
      },
      onHello: (state, latest, version) => {
        this._heard(state);
        if (version !== this.version) this._resumed(version);
        else if (!this.sceneId) this.start();
        else if ((latest[this.sceneId] ?? null) !== this.player.latest) this._reloadFrames();
        this._set({});
      },
    };
  }

  /** The run went on from an earlier step or was replaced: frames may have other contents now. */
  _resumed(version) {
    const isSameRun = version.split("-")[0] === this.version.split("-")[0];
    this.version = version;
    this.frames.clear();
    if (isSameRun && this.scene) {
      this._reloadFrames();
      this._fetchDetails();
    } else {
      this.start();
    }
  }

  async _reloadFrames() {
    const { sceneId, player } = this;
    try {
      const { steps } = await this.api.frames(sceneId);
      if (player !== this.player) return;
      player.reset(steps);
      this.on.onChange();
      this.pump();
    } catch {
      this.retryTimer = setTimeout(() => this._reloadFrames(), RETRY_MS); // the link says why
    }
  }

  async _fetchFrames() {
    const { sceneId, player, version } = this;
    try {
      const { steps, version: current } = await this.api.frames(sceneId);
      if (player !== this.player || current !== version || this.isClosed) return;
      player.keep(steps);
    } catch {
      return; // the next notice asks again
    }
    this.on.onChange();
    this.pump();
  }

  async _fetchDetails() {
    try {
      this.info = await this.api.run();
    } catch {
      return; // old marks are better than none; the link says what is wrong
    }
    if (this.isClosed) return;
    if (this.loading.phase === "waiting" && this.scenes.length) this.openScene(this.scenes[0]);
    const known = this.info.scenes.find(({ id }) => id === this.sceneId);
    if (known && this.scene && this.info.version === this.version) this.player.keep(known.steps);
    this.on.onChange();
    this.pump();
  }

  _heard(state) {
    this.state = { ...this.state, ...state };
    this.wasLive ||= this.isLive;
    this.heardAt = performance.now() - (state.age_s ?? 0) * 1000;
  }

  _set(values) {
    Object.assign(this, values);
    if (!this.isClosed) this.on.onChange();
  }
}

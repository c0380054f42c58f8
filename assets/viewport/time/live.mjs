/**
 * Says what is new in a run: over a websocket, and by polling `head` where websockets do not get
 * through. Reconnects by itself, with growing pauses.
 *
 * Both ways end in the same calls: onHello(state, latest, version), onFrame(scene, step, version),
 * onState(state), onScalars(step), and onLink(link) with link {status, retryAt, reason}, where
 * status is "open" (websocket), "polling", or "lost" (no way through; retryAt in milliseconds).
 */

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
const POLL_MS = 1000;
const SILENT_TRIES = 2; // websocket failures in a row before polling begins

/** Pause before the next attempt, after `failures` in a row. */
export function pauseAfter(failures) {
  return Math.min(FIRST_PAUSE_MS * 2 ** Math.max(failures - 1, 0), LONGEST_PAUSE_MS);
}

export class Live {
  /**
   * @param {{run: string, api: import("../page/api.mjs").Api, on: object, makeSocket?: Function,
   *   now?: Function}} options
   */
  constructor({ run, api, on, makeSocket = defaultSocket, now = () => performance.now() }) {
    Object.assign(this, { run, api, on, makeSocket, now });
    this.failures = 0; // websocket
    this.lost = 0; // polls in a row without an answer
    this.known = { latest: {}, version: null, state: null };
    this.timers = new Set();
    this.isClosed = false;
    this._connect();
  }

  close() {
    this.isClosed = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.socket?.close();
  }

  /** Try again at once, as when the tab comes back or the user asks. */
  retry() {
    if (this.isClosed || this.isOpen) return;
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    this.isPolling = false;
    this._connect();
  }

  _after(ms, what) {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      if (!this.isClosed) what();
    }, ms);
    this.timers.add(timer);
  }

  _connect() {
    const socket = this.makeSocket(this.run);
    this.socket = socket;
    socket.onmessage = ({ data }) => this._receive(JSON.parse(data));
    socket.onclose = () => {
      if (this.isClosed || this.socket !== socket) return;
      this.isOpen = false;
      this.failures += 1;
      this._after(pauseAfter(this.failures), () => this._connect());
      if (!this.isPolling && this.failures >= SILENT_TRIES) this._startPolling();
    };
  }

  _receive(message) {
    if (message.type === "hello") {
      this.isOpen = true;
      this.isPolling = false;
      this.failures = 0;
      this.lost = 0;
      this.known = {
        latest: { ...message.latest },
        version: message.version,
        state: message.state,
      };
      this.on.onLink({ status: "open" });
      this.on.onHello(message.state, message.latest, message.version);
    } else if (message.type === "frame") {
      this.known.latest[message.scene] = message.step;
      this.on.onFrame(message.scene, message.step, message.version);
    } else if (message.type === "state") {
      this.on.onState(message.state);
    } else if (message.type === "scalars") {
      this.on.onScalars(message.step);
    }
  }

  _startPolling() {
    this.isPolling = true;
    this._poll();
  }

  async _poll() {
    if (!this.isPolling || this.isClosed) return;
    let pause = POLL_MS;
    try {
      const head = await this.api.head();
      if (!this.isPolling || this.isClosed) return;
      this.lost = 0;
      this.on.onLink({ status: "polling" });
      this._compare(head);
    } catch (error) {
      this.lost += 1;
      pause = pauseAfter(this.lost);
      const reason = error.status ? error.message : ""; // a refusal comes with a sentence
      const isGone = error.status === 404; // the studio answers, the run is not there
      this.on.onLink({ status: "lost", retryAt: this.now() + pause, reason, isGone });
    }
    this._after(pause, () => this._poll());
  }

  /** Turn two answers of `head` into the notices that the websocket would have sent. */
  _compare({ version, state, latest }) {
    const before = this.known;
    this.known = { version, state, latest };
    if (before.version !== version) {
      this.on.onHello(state, latest, version);
      return;
    }
    for (const [scene, step] of Object.entries(latest)) {
      if (step !== null && step !== before.latest[scene]) this.on.onFrame(scene, step, version);
    }
    this.on.onState(state);
    if (state.step !== before.state?.step) this.on.onScalars(state.step);
  }
}

function defaultSocket(run) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(`${scheme}//${location.host}/ws/live?run=${encodeURIComponent(run)}`);
}

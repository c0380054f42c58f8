/** Commands on their way: the seconds in which one can be taken back, and the answer after that. */

export const UNDO_S = 5;

/**
 * Something that is sent a few seconds later, unless it is taken back.
 * @param {{send: Function, onTick: (left: number) => void}} options `left` in seconds; 0 = sent
 */
export class Delayed {
  constructor({ send, onTick, seconds = UNDO_S, clock = globalThis }) {
    Object.assign(this, { send, onTick, clock, left: seconds });
    this.timer = clock.setInterval(() => this._tick(), 1000);
    onTick(this.left);
  }

  _tick() {
    this.left -= 1;
    if (this.left > 0) this.onTick(this.left);
    else this.now();
  }

  now() {
    this.cancel();
    this.onTick(0);
    this.send();
  }

  cancel() {
    this.clock.clearInterval(this.timer);
  }
}

/** What became of a command, in one line. */
export function answerOf({ command, answered, ok, text }) {
  if (!answered) return `${NAMES[command] ?? command}: waiting for the trainer`;
  return text || `${NAMES[command] ?? command}: ${ok ? "done" : "refused"}`;
}

export const NAMES = {
  pause: "Pause",
  resume: "Resume",
  step: "One step",
  stop: "Stop",
  checkpoint: "Checkpoint",
  frame: "Frame now",
  set: "Change of values",
};

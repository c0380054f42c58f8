/**
 * One question at a time, the last one wins: while a question is out, newer ones replace each
 * other, and the newest is asked when the answer has come. An answer that never comes is given up.
 */

const PATIENCE_MS = 4000;
const AGAIN_MS = 1500; // the same is asked again after this time: a run may have written more

export class Latest {
  constructor() {
    this.number = 0; // of the last question
    this.isOut = false;
    this.askedAt = -Infinity;
    this.asked = null; // its text
  }

  /** The answer to question `number` is there. */
  answered(number) {
    if (number === this.number) this.isOut = false;
  }

  /**
   * @param {*} question what is wanted now; null asks for whatever is newest
   * @param {{now: number, isHeld: boolean}} when milliseconds; isHeld: a hand is on the panels, so
   *   nothing may move
   * @returns {?{ask: number, cursor: *}} what to ask now, if anything
   */
  next(question, { now, isHeld }) {
    const text = JSON.stringify(question);
    const age = now - this.askedAt;
    if (isHeld || (this.isOut && age < PATIENCE_MS)) return null;
    if (text === this.asked && age < AGAIN_MS) return null;
    Object.assign(this, { isOut: true, askedAt: now, asked: text });
    this.number += 1;
    return { ask: this.number, cursor: question };
  }
}

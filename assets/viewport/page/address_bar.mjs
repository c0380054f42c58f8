/** The end of the address, behind the #, where a page keeps what it shows. */

export class AddressBar {
  /** @param {Window} from where the page that is made now stands */
  constructor(from = window) {
    this.from = from;
    this.path = from.location.pathname;
  }

  /**
   * Show the page's state, unless the address is another page's by now: the browser's way back
   * changes the address at once, and the page goes only when the next one has come.
   */
  show(hash) {
    const { location, history } = this.from;
    if (location.pathname !== this.path || hash === location.hash) return;
    history.replaceState(history.state, "", hash);
  }
}

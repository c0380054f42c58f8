import assert from "node:assert/strict";
import { test } from "node:test";

import { AddressBar } from "../../assets/viewport/page/address_bar.mjs";

/** A window whose history writes into its address. */
function windowAt(path, hash = "") {
  const location = { pathname: path, hash };
  const replaceState = (state, _, end) => (location.hash = end);
  return { location, history: { state: null, replaceState } };
}

test("a page's state goes behind its address", () => {
  const from = windowAt("/scenes/boxes/small");
  new AddressBar(from).show("#walls=cut");
  assert.equal(from.location.hash, "#walls=cut");
});

test("a page that still stands while the way back shows another address leaves that one alone", () => {
  const from = windowAt("/scenes/boxes/small", "#walls=cut");
  const bar = new AddressBar(from);
  Object.assign(from.location, { pathname: "/scenes/boxes", hash: "" });
  bar.show("#walls=full");
  assert.equal(from.location.hash, "");
});

test("the same state is not written twice", () => {
  const from = windowAt("/live/rooms", "#t=1");
  from.history.replaceState = () => assert.fail("nothing has changed");
  new AddressBar(from).show("#t=1");
});

// Clientside callbacks of the panels; the modules behind them are loaded once.
window.dash_clientside = window.dash_clientside || {};

(() => {
  const panels = import(`${document.documentElement.dataset.modules}/panels/main.mjs`);

  window.dash_clientside.panels = {
    /** Ask for the frame under the cursor, one at a time; the last one wins. */
    async want(cursor, _, answered) {
      (await panels).want(cursor, answered);
      return window.dash_clientside.no_update;
    },

    /** Charts over the steps may be drawn anew, unless a hand is on them. */
    async beat() {
      return (await panels).isHeld() ? window.dash_clientside.no_update : Date.now();
    },
  };
})();

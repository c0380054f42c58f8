// Hands on a collection of scenes: keys among the cards, menus that fold, and the way back.
(() => {
  const CARDS = ".scene-card, .scene-link";

  /** How many cards stand in a row. */
  const columns = (grid) =>
    grid?.matches(".scene-grid")
      ? getComputedStyle(grid).gridTemplateColumns.split(" ").length
      : 1;

  function moveAmongCards(event) {
    const here = event.target.closest?.(CARDS);
    if (!here || event.ctrlKey || event.metaKey || event.altKey) return;
    const cards = [...document.querySelectorAll(CARDS)];
    const wide = columns(here.closest(".scene-grid"));
    const at = cards.indexOf(here);
    const to = {
      ArrowRight: at + 1,
      ArrowLeft: at - 1,
      ArrowDown: at + wide,
      ArrowUp: at - wide,
      Home: 0,
      End: cards.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    cards[to]?.focus();
  }

  /** The address keeps the scene that is opened, so that the way back leads to its card. */
  function rememberCard(event) {
    const card = event.target.closest?.(CARDS);
    if (!card) return;
    const address = new URL(location.href);
    const id = decodeURIComponent(new URL(card.href).pathname.split("/").at(-1));
    address.searchParams.set("at", id);
    history.replaceState(history.state, "", address);
  }

  function foldMenus(event) {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      const isInside = menu.contains(event.target);
      if (event.type === "keydown" ? event.key === "Escape" : !isInside) {
        menu.open = false;
        if (event.type === "keydown" && isInside) menu.querySelector("summary").focus();
      }
    }
  }

  // The card that was looked at last is shown and has focus, once for every address.
  let shownFor = "";
  function showCard() {
    if (location.href === shownFor) return;
    const card = document.querySelector(".scene-card.is-at, tr.is-at .scene-link");
    if (!card || !location.search.includes("at=")) return;
    shownFor = location.href;
    card.scrollIntoView({ block: "center" });
    if (document.activeElement === document.body) card.focus({ preventScroll: true });
  }

  document.addEventListener("keydown", moveAmongCards);
  document.addEventListener("keydown", foldMenus);
  document.addEventListener("pointerdown", foldMenus);
  document.addEventListener("click", rememberCard, true);
  addEventListener("popstate", () => (shownFor = ""));
  new MutationObserver(showCard).observe(document.body, { childList: true, subtree: true });
})();

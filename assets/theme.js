// Sets the theme before the first paint. A plain script: a module would run too late.
(() => {
  const KEY = "pointins-theme";
  const root = document.documentElement;
  const prefersLight = window.matchMedia("(prefers-color-scheme: light)");
  const stored = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage may be forbidden; the system's preference stays
    }
  };
  const apply = () => {
    const chosen = stored();
    const system = prefersLight.matches ? "light" : "dark";
    root.dataset.theme = chosen === "light" || chosen === "dark" ? chosen : system;
    window.dash_clientside?.set_props?.("theme", { data: root.dataset.theme });
  };
  window.pointinsTheme = {
    current: () => root.dataset.theme,
    toggle() {
      root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
      try {
        localStorage.setItem(KEY, root.dataset.theme);
      } catch {
        // lasts for this page only
      }
      return root.dataset.theme;
    },
  };
  apply();
  prefersLight.addEventListener("change", apply);
})();

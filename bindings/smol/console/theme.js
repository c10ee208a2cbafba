// Light, dark, or as the system is; before anything is drawn, so that nothing flashes.
// It does not know what the colours are.

(() => {
  const root = document.documentElement;
  const key = "tidings.theme";
  const set = (theme) => (theme ? (root.dataset.theme = theme) : delete root.dataset.theme);
  const stored = () => {
    // Storage may be forbidden.
    try {
      return localStorage.getItem(key) ?? "";
    } catch {
      return "";
    }
  };
  set(stored());
  addEventListener("DOMContentLoaded", () => {
    const choice = document.getElementById("theme");
    choice.value = stored();
    choice.addEventListener("change", () => {
      set(choice.value);
      try {
        localStorage.setItem(key, choice.value);
      } catch {
        // It lasts as long as the page.
      }
      dispatchEvent(new Event("theme"));
    });
  });
  // Another tab has chosen.
  addEventListener("storage", (event) => {
    if (event.key !== key) return;
    set(event.newValue);
    document.getElementById("theme").value = event.newValue ?? "";
    dispatchEvent(new Event("theme"));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("theme")));
})();

/** Light, dark, or as the system says. */
const THEMES = ["auto", "light", "dark"] as const;

function stored(): string {
  try {
    return localStorage.getItem("isthmus theme") ?? "auto";
  } catch {
    return "auto"; // storage switched off
  }
}

export function applyTheme(theme = stored()): void {
  document.documentElement.dataset.theme = theme;
  for (const box of document.querySelectorAll("[data-theme-name]")) box.textContent = theme;
}

export function cycleTheme(): void {
  const now = document.documentElement.dataset.theme ?? "auto";
  const next = THEMES[(THEMES.indexOf(now as "auto") + 1) % THEMES.length];
  try {
    localStorage.setItem("isthmus theme", next);
  } catch {
    // it holds until the page is closed
  }
  applyTheme(next);
}

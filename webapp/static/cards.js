// The cards of the queue by keyboard: one has the focus, x selects it, and what is selected is counted.
const cards = [...document.querySelectorAll("[data-cards] [data-card]")];
const picks = [...document.querySelectorAll("[data-pick]")];
const count = document.querySelector("[data-pick-count]");
const ARROWS = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };
const PAGES = { ArrowLeft: "prev", ArrowRight: "next" };

const isWithoutKeys = () => document.querySelector(".is-without-keys") !== null;
const isWriting = (target) => target instanceof HTMLElement && target.matches("textarea, select, input:not([type=checkbox])");
const isHeld = (event) => event.ctrlKey || event.metaKey || event.altKey || event.isComposing;
const cardWithFocus = () => cards.findIndex((card) => card.contains(document.activeElement));

function step(by) {
  const at = cardWithFocus();
  const next = at < 0 ? 0 : Math.min(Math.max(at + by, 0), cards.length - 1);
  const link = cards[next]?.querySelector("a.stretched-link");
  link?.focus();
  cards[next]?.scrollIntoView({ block: "nearest" });
}

function toggle(pick, isOn) {
  pick.checked = isOn ?? !pick.checked;
  show();
}

function show() {
  if (count) count.textContent = picks.filter((pick) => pick.checked).length.toLocaleString(document.documentElement.lang);
  for (const pick of picks) pick.closest("[data-card]")?.classList.toggle("is-picked", pick.checked);
}

document.addEventListener("keydown", (event) => {
  if (isHeld(event) || isWithoutKeys() || isWriting(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key in ARROWS && cards.length) {
    event.preventDefault();
    step(ARROWS[event.key]);
  } else if (event.key in PAGES && cards.length) {
    document.querySelector(`.pager a[rel="${PAGES[event.key]}"]`)?.click();
  } else if (event.key === "x") {
    const pick = cards[cardWithFocus()]?.querySelector("[data-pick]");
    if (pick) toggle(pick);
  }
});

document.querySelector("[data-pick-all]")?.addEventListener("click", () => {
  const isOn = picks.some((pick) => !pick.checked);
  for (const pick of picks) toggle(pick, isOn);
});
for (const pick of picks) pick.addEventListener("change", show);
// A page that comes back from the browser's memory keeps its ticks.
window.addEventListener("pageshow", show);
show();

// The cards of the queue by keyboard: one has the focus, x selects it, and what is selected is counted.
const cards = [...document.querySelectorAll("[data-cards] [data-card]")];
const picks = [...document.querySelectorAll("[data-pick]")];
const count = document.querySelector("[data-pick-count]");
const ARROWS = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };
const PAGES = { ArrowLeft: "prev", ArrowRight: "next" };

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

function hear(key) {
  if (key in ARROWS && cards.length) return step(ARROWS[key]);
  if (key in PAGES) return document.querySelector(`.pager a[rel="${PAGES[key]}"]`)?.click();
  const pick = key === "x" && cards[cardWithFocus()]?.querySelector("[data-pick]");
  return pick ? toggle(pick) : false;
}

document.addEventListener("shortcut", (event) => {
  if (hear(event.detail.key) !== false) event.preventDefault();
});

document.querySelector("[data-pick-all]")?.addEventListener("click", () => {
  const isOn = picks.some((pick) => !pick.checked);
  for (const pick of picks) toggle(pick, isOn);
});
for (const pick of picks) pick.addEventListener("change", show);

// A batch goes once, however often the button is hit.
const batch = document.querySelector("[data-batch]");
batch?.addEventListener("submit", (event) => {
  if (batch.dataset.sent) event.preventDefault();
  batch.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => delete batch?.dataset.sent);
// A page that comes back from the browser's memory keeps its ticks.
window.addEventListener("pageshow", show);
show();

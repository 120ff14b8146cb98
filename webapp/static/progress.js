// The numbers of a running scan, asked for every 1.5 seconds; when it is over the page is loaded once more.
"use strict";

const panel = document.querySelector("[data-progress-address]");
const EVERY_MS = 1500;

function show(figures) {
  for (const place of panel.querySelectorAll("[data-progress]")) {
    const value = figures[place.dataset.progress];
    if (value !== undefined && value !== null) place.textContent = value.toLocaleString("en");
  }
  const bar = panel.querySelector("progress");
  if (bar && figures.listings_expected) {
    bar.max = figures.listings_expected;
    bar.value = figures.listings_seen;
  }
}

async function follow() {
  try {
    const answer = await fetch(panel.dataset.progressAddress, { headers: { Accept: "application/json" } });
    if (answer.status === 401) return location.reload();
    if (answer.ok) {
      const figures = await answer.json();
      if (figures.is_over) return location.reload();
      show(figures);
    }
  } catch {
    // The server is away for a moment: the next turn asks again.
  }
  setTimeout(follow, EVERY_MS);
}

if (panel) setTimeout(follow, EVERY_MS);

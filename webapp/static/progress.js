// The numbers of what runs, asked for every 1.5 seconds; when one of them is over the page is loaded once more.
"use strict";

const EVERY_MS = 1500;

function show(panel, figures) {
  for (const place of panel.querySelectorAll("[data-progress]")) {
    const value = figures[place.dataset.progress];
    if (value !== undefined && value !== null) place.textContent = value.toLocaleString(document.documentElement.lang);
  }
  const bar = panel.querySelector("progress");
  const most = figures.listings_expected ?? figures.bar_max;
  if (bar && most) {
    bar.max = most;
    bar.value = figures.listings_seen ?? figures.bar_value;
  } else if (bar && figures.state === "running") {
    bar.removeAttribute("value");
  }
}

async function follow(panel) {
  try {
    const answer = await fetch(panel.dataset.progressAddress, { headers: { Accept: "application/json" } });
    if (answer.status === 401) return location.reload();
    if (answer.ok) {
      const figures = await answer.json();
      if (figures.is_over) return location.reload();
      show(panel, figures);
    }
  } catch {
    // The server is away for a moment: the next turn asks again.
  }
  setTimeout(follow, EVERY_MS, panel);
}

for (const panel of document.querySelectorAll("[data-progress-address]")) setTimeout(follow, EVERY_MS, panel);

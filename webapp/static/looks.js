// The switches of how pictures and keys behave: turned at once, and remembered by the server.
"use strict";

const CLASSES = { blur: "is-veiled", grey: "is-grey", keys: "is-without-keys" };

function turn(name, on) {
  document.documentElement.classList.toggle(CLASSES[name], name === "keys" ? !on : on);
  for (const form of document.querySelectorAll(`[data-look="${CSS.escape(name)}"]`)) {
    form.elements.value.value = on ? "0" : "1";
    form.querySelector("button").setAttribute("aria-pressed", String(on));
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.look) return;
  event.preventDefault();
  const name = form.dataset.look;
  const on = form.elements.value.value === "1";
  const body = new FormData(form);
  turn(name, on);
  let limit = null;
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    if (answer.ok) limit = (await answer.json()).limit;
  } catch {
    // It holds for this page only.
  }
  document.dispatchEvent(new CustomEvent("look", { detail: { name, on, limit, words: form.querySelector("button").textContent.trim() } }));
});

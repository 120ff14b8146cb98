// One key, one element: whatever carries data-key is clicked, or focused where it is a text field.
"use strict";

const root = document.documentElement;

function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox], [type=radio])"));
}

function press(element, event) {
  event.preventDefault();
  if (isTyping(element)) element.focus();
  else element.click();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (isTyping(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.repeat || document.querySelector("dialog[open]")) return;
  const element = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (element) press(element, event);
});

// A decision goes once, however often the button is hit.
for (const form of document.querySelectorAll("[data-decision]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => delete form.dataset.sent);
}

for (const button of document.querySelectorAll("[data-opens]")) {
  button.addEventListener("click", () => document.getElementById(button.dataset.opens).showModal());
}

function showVeil() {
  const on = root.classList.contains("is-veiled");
  for (const button of document.querySelectorAll("[data-veil]")) {
    button.setAttribute("aria-pressed", String(on));
    button.querySelector("span").textContent = on ? "Show pictures" : "Blur pictures";
  }
}

for (const button of document.querySelectorAll("[data-veil]")) {
  button.addEventListener("click", () => {
    const on = root.classList.toggle("is-veiled");
    try {
      localStorage.setItem("veil", on ? "on" : "off");
    } catch {
      // It holds for this page only.
    }
    showVeil();
  });
}
showVeil();

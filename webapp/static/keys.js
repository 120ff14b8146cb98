// One key, one element: whatever carries data-key is clicked, or focused where something is entered in it. A key that
// no element carries goes to whoever listens for "shortcut".
"use strict";

function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox], [type=radio])"));
}

function mayPress(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.keyCode === 229) return false;
  if (event.repeat || document.querySelector("dialog[open]")) return false;
  return event.key === "?" || !document.documentElement.classList.contains("is-without-keys");
}

document.addEventListener("keydown", (event) => {
  if (isTyping(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.defaultPrevented || !mayPress(event)) return;
  const element = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!element) {
    const heard = !document.dispatchEvent(new CustomEvent("shortcut", { detail: event, cancelable: true }));
    if (heard) event.preventDefault();
    return;
  }
  event.preventDefault();
  if (isTyping(element)) element.focus();
  else element.click();
});

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-opens]") : null;
  if (button) document.getElementById(button.dataset.opens).showModal();
});

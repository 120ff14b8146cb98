// A blind look: pictures as on the item page, and an answer that goes once, for an item that was really seen.
import { reset } from "./stage.js";

// A key that was meant for the item before must not answer this one.
const UNSEEN_MS = 350;

const shownAt = performance.now();
reset();

for (const form of document.querySelectorAll("[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent || performance.now() - shownAt < UNSEEN_MS) event.preventDefault();
    else form.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => delete form.dataset.sent);
}

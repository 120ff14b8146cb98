// A blind look: pictures as on the item page, and an answer that goes once, for an item that was really seen.
import { reset } from "./stage.js";

// A key that was meant for the item before must not answer this one.
const UNSEEN_MS = 350;

reset();

for (const form of document.querySelectorAll("[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent || !form.dataset.ready) event.preventDefault();
    else form.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => delete form.dataset.sent);
  setTimeout(() => { form.dataset.ready = "yes"; }, UNSEEN_MS);
}

// What happened: shown for a while beside the page, and heard by those who listen to it.

const SHOWN_MS = 8000;
const MOST = 3;
const KEPT = "tuskline.said";

const place = () => document.getElementById("voice");

/** The page's own words under that name, with #1, #2 filled. */
export function words(name, ...values) {
  return values.reduce((text, value, number) => text.replace(`#${number + 1}`, value), place().dataset[name] ?? "");
}

function button(text, act) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "btn btn-quiet btn-sm";
  element.textContent = text;
  element.addEventListener("click", act);
  return element;
}

function link(text, address) {
  const element = document.createElement("a");
  element.href = address;
  element.textContent = text;
  return element;
}

/** Show and say the text. kind: "error" stays until it is closed; deed: {words, act}; back: an address; quiet: heard alone. */
export function say(text, { kind = "", deed = null, back = null, quiet = false, forMs = SHOWN_MS } = {}) {
  if (!text) return null;
  const box = document.createElement("div");
  box.className = quiet ? "visually-hidden" : `said ${kind ? `said-${kind}` : ""}`;
  box.append(Object.assign(document.createElement("span"), { textContent: text }));
  if (back) box.append(link(words("backWords"), back));
  if (deed) box.append(button(deed.words, deed.act));
  if (kind === "error") box.append(button(words("close"), () => box.remove()));
  else setTimeout(() => box.remove(), forMs);
  place().append(box);
  const shown = place().querySelectorAll(".said:not(.said-error)");
  for (const old of [...shown].slice(0, Math.max(shown.length - MOST, 0))) old.remove();
  return box;
}

/** Say it on the page that is about to come: what was decided, and how to take it back. facts: of a decision. */
export function keep({ said, address, batch, undo_s }) {
  if (said) sessionStorage.setItem(KEPT, JSON.stringify({ said, address, batch, until: Date.now() + undo_s * 1000 }));
}

/** The undo of a page that goes on from nowhere: a form like any other. */
function takeBack(batch) {
  const { undo, token } = place().dataset;
  const form = Object.assign(document.createElement("form"), { method: "post", action: undo, hidden: true });
  for (const [name, value] of Object.entries({ csrf_token: token, batch })) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
  document.body.append(form);
  form.submit();
}

function sayKept() {
  const kept = place() && sessionStorage.getItem(KEPT);
  if (!kept) return;
  sessionStorage.removeItem(KEPT);
  const { said, address, batch, until } = JSON.parse(kept);
  const mayUndo = place().dataset.token && Date.now() < until;
  const act = () => takeBack(batch);
  say(said, { back: address, deed: mayUndo ? { words: `${words("undoWords")} (u)`, act } : null });
  document.addEventListener("shortcut", (event) => {
    if (!mayUndo || event.detail.key !== "u" || Date.now() > until) return;
    event.preventDefault();
    act();
  });
}

sayKept();

// The reviewer's desk: what is decided is sent while the next item, fetched beforehand, shows at once.
import { reset } from "./stage.js";
import { keep, say, words } from "./voice.js";

// A new item may not be decided before a person can have seen it: a key that was meant for the one before.
const UNSEEN_MS = 350;
const RENEW_MS = 120_000;
const AHEAD = { "X-Tuskline-Ahead": "yes" };

let shownAt = performance.now();
let ahead = null; // {from, page: the Page once it is here, arrives: a promise of it}
let last = null; // what can be undone: {batch, until}
let sending = Promise.resolve(); // one after the other, in the order of the keys
let isActive = false;

const item = (root = document) => root.querySelector("[data-item]");

/** A page as {address, main, title, id}; {leave} where it is none of ours, {isNone} where nothing waits. */
async function fetchPage(address, headers = {}) {
  const answer = await fetch(address, { headers: { Accept: "text/html", ...headers } });
  if (answer.status === 204) return { isNone: true };
  const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
  const found = item(parsed);
  if (!answer.ok || !found) return { leave: answer.url || address };
  return { address: answer.url, main: parsed.querySelector("main"), title: parsed.title, id: found.dataset.item };
}

function lookAhead() {
  const from = item();
  if (!from || ahead?.from === from.dataset.item) return;
  const mine = { from: from.dataset.item, page: null };
  mine.arrives = fetchPage(from.dataset.next, AHEAD)
    .then((page) => {
      const image = page.main?.querySelector("[data-picture]");
      if (image) Object.assign(new Image(), { src: image.getAttribute("src") });
      mine.page = page;
      return page;
    })
    .catch(() => {
      if (ahead === mine) ahead = null;
      return null;
    });
  ahead = mine;
}

function show(page, push = true) {
  document.querySelector("main").replaceWith(document.importNode(page.main, true));
  document.title = page.title;
  if (push) history.pushState(null, "", page.address);
  scrollTo(0, 0);
  document.querySelector("main").focus({ preventScroll: true });
  begin();
}

function begin() {
  const here = item();
  shownAt = performance.now();
  reset();
  count();
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => { here.dataset.ready = "yes"; }, UNSEEN_MS)));
}

/** POST and read what came of it; throws where nobody answered. */
async function send(address, body) {
  const answer = await fetch(address, { method: "POST", body, headers: { Accept: "application/json" } });
  if (answer.status === 401) location.reload();
  if (answer.status === 204) return { ok: true, facts: {} };
  const facts = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : { error: words("lost") };
  return { ok: answer.ok, facts };
}

function small(values = {}) {
  const body = new FormData();
  body.set("csrf_token", item().dataset.token);
  for (const [name, value] of Object.entries(values)) body.set(name, value);
  return body;
}

/** Whether the page was fetched before a decision that it has to show. */
function isStale(page, decided) {
  const among = (id) => page.id === id || page.main.querySelector(`[name=also][value="${id}"]`);
  return decided.some(among);
}

/** Send `body`, and go on to the next item: at once where it is here, else when the answer is. */
async function goOn(address, body, decided) {
  const here = item();
  const before = location.href;
  delete here.dataset.ready;
  lookAhead();
  const page = ahead && (ahead.page ?? (await ahead.arrives));
  const isHere = page?.main && !isStale(page, decided);
  if (isHere) {
    body.set("showing", page.id);
    ahead = null;
    show(page);
  }
  const answer = send(address, body).catch(() => ({ ok: false, facts: { error: words("lost") } }));
  sending = sending.then(() => answer).then(({ ok, facts }) => (ok ? heard(facts) : failed(facts, before, isHere, here)));
  if (isHere) return;
  const { ok, facts } = await answer;
  if (ok) await follow(here, page, facts);
}

async function follow(here, page, facts) {
  ahead = null;
  const fresh = page?.leave || page?.isNone ? page : await fetchPage(here.dataset.next);
  if (fresh.main) {
    show(fresh);
    sending = sending.then(keepClaim);
    return;
  }
  keep(facts);
  location.assign(fresh.isNone ? here.dataset.queue : fresh.leave);
}

function heard(facts) {
  if (facts.batch) last = { batch: facts.batch, until: performance.now() + facts.undo_s * 1000 };
  const deed = facts.batch ? { words: `${words("undoWords")} (u)`, act: undo } : null;
  if (facts.said) say(`${facts.said} ${words("now", item().dataset.title)}`, { deed, back: facts.address });
  for (const sentence of facts.left_out ?? []) say(sentence, { kind: "error" });
  if (facts.claim && !facts.claim.is_mine) return lost(facts.claim.words);
  lookAhead();
}

function failed(facts, before, isGone, here) {
  say(facts.error, { kind: "error", back: isGone ? before : null });
  if (isGone) return lookAhead();
  here.dataset.ready = "yes";
  complain(facts.error);
}

/** Somebody else has what is shown: show it as it now stands. */
async function lost(sentence) {
  say(sentence, { kind: "error" });
  const page = await fetchPage(location.href);
  if (page.main) show(page, false);
}

function complain(sentence) {
  const place = document.getElementById("decision-fault");
  if (!place) return;
  place.hidden = false;
  place.textContent = sentence;
}

/** What is wrong with the reason that was chosen, before anything is sent. */
function faultOf(form, verdict) {
  const option = form.elements.reason?.selectedOptions[0];
  if (!option?.value) return null;
  if (!option.dataset.verdicts.split(" ").includes(verdict)) return words("unfit");
  if ("needsNote" in option.dataset && !form.elements.note.value.trim()) return words("needsNote");
  return null;
}

function decide(form, button) {
  const fault = button.hasAttribute("data-skip") ? null : faultOf(form, button.value);
  if (fault) return complain(fault);
  form.elements.seconds_seen.value = ((performance.now() - shownAt) / 1000).toFixed(1);
  const body = new FormData(form, button);
  const decided = [item().dataset.item, ...body.getAll("also")];
  goOn(button.getAttribute("formaction") ?? form.action, body, decided);
}

/** Without a decision to the page that `arrives`; the item that is left goes back to the others. */
async function walk(arrives, address) {
  const here = item();
  const left = here.dataset.item;
  delete here.dataset.ready;
  const page = await arrives;
  if (!page || page.leave) return location.assign(page?.leave ?? address);
  if (page.isNone) {
    here.dataset.ready = "yes";
    return say(words("noneLeft"));
  }
  ahead = null;
  show(page);
  say(words("now", item().dataset.title), { quiet: true });
  sending = sending.then(() => keepClaim(left, here.dataset.release));
}

/** Tell the server what is looked at now, and what no more. */
async function keepClaim(leaving = null, release = null) {
  const claim = item()?.dataset.claim;
  const address = claim ?? release;
  if (address) {
    const answer = await send(address, small(leaving && leaving !== item().dataset.item ? { leaving } : {})).catch(() => null);
    if (claim && answer?.ok && answer.facts.is_mine === false) return lost(answer.facts.words);
  }
  lookAhead();
}

function undo() {
  sending = sending.then(async () => {
    if (!last || performance.now() > last.until) return say(words("nothing"));
    const here = item();
    const body = small({ batch: last.batch });
    last = null;
    const answer = await send(document.getElementById("voice").dataset.undo, body).catch(() => null);
    if (!answer?.ok) return say(answer?.facts.error ?? words("lost"), { kind: "error" });
    const page = await fetchPage(answer.facts.address);
    if (!page.main) return location.assign(page.leave);
    ahead = null;
    show(page);
    say(`${answer.facts.said} ${words("now", item().dataset.title)}`);
    return keepClaim(here.dataset.item, here.dataset.release);
  });
}

/** How many findings a decision covers now, in words. */
function count() {
  const box = document.querySelector("[data-cluster]");
  if (!box) return;
  const ticked = box.querySelectorAll("[name=also]:checked").length;
  const { alone, one, many } = box.dataset;
  box.querySelector("[data-cluster-words]").textContent = !ticked ? alone : ticked === 1 ? one : many.replace("987654", ticked);
}

function sayConcept(digit) {
  const select = document.querySelector("[data-concepts]");
  const option = select?.querySelector(`[data-digit="${digit}"]`);
  if (!option) return false;
  option.selected = true;
  say(words("seen", option.textContent.replace(/^\d\s*/, "")), { quiet: true });
  return true;
}

async function swapPart(form) {
  await send(form.action, new FormData(form)).catch(() => null);
  const page = await fetchPage(location.href, AHEAD).catch(() => null);
  const fresh = page?.main?.querySelector(`#${form.dataset.part}`);
  if (!fresh) return location.reload();
  document.getElementById(form.dataset.part).replaceWith(document.importNode(fresh, true));
  document.querySelector(`#${form.dataset.part} select`)?.focus();
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-decision]")) {
    event.preventDefault();
    if (item().dataset.ready && event.submitter) decide(form, event.submitter);
  } else if (form.matches("[data-part]")) {
    event.preventDefault();
    swapPart(form);
  }
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-step]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (!item().dataset.ready) return;
  if (link.dataset.step !== "next") return walk(fetchPage(link.href).catch(() => null), link.href);
  lookAhead();
  walk(ahead.arrives, link.href);
});

document.addEventListener("shortcut", (event) => {
  const key = event.detail.key;
  if (key === "u") undo();
  else if (!/^\d$/.test(key) || !sayConcept(key)) return;
  event.preventDefault();
});

document.addEventListener("change", (event) => {
  if (event.target.closest("[data-cluster]")) count();
});

addEventListener("popstate", async () => {
  const page = await fetchPage(location.href).catch(() => null);
  if (!page?.main) return location.reload();
  ahead = null;
  show(page, false);
});

// A listing stays with whoever works on it, and goes back when the page is left.
for (const sign of ["keydown", "pointerdown", "scroll"]) addEventListener(sign, () => { isActive = true; }, { passive: true });
setInterval(() => {
  if (isActive && item()?.dataset.claim) sending = sending.then(() => keepClaim());
  isActive = false;
}, RENEW_MS);
addEventListener("pagehide", () => {
  for (const one of [item(), ahead?.page?.main && item(ahead.page.main)]) {
    if (one?.dataset.release) fetch(one.dataset.release, { method: "POST", body: small(), keepalive: true, headers: { Accept: "application/json" } });
  }
});

begin();
sending = sending.then(() => keepClaim());

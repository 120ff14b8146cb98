// The large picture: another one of the listing, without blur for once, larger, moved.
import { say, words } from "./voice.js";

const HOLD_MS = 250;
const LARGEST = 8;
const STEP = 1.4;
const PAN_PX = 60;

let place = { scale: 1, x: 0, y: 0 };
let pointers = new Map();
let holding = null;

const stage = () => document.querySelector("[data-stage]");
const picture = () => stage()?.querySelector("[data-picture]");
const frame = () => stage()?.querySelector("[data-frame]");
const isClear = () => stage().classList.contains("is-clear");

function apply() {
  const image = picture();
  if (!image) return;
  const { width, height } = frame().getBoundingClientRect();
  const most = { x: (width * (place.scale - 1)) / 2, y: (height * (place.scale - 1)) / 2 };
  place.x = Math.min(Math.max(place.x, -most.x), most.x);
  place.y = Math.min(Math.max(place.y, -most.y), most.y);
  image.style.transform = place.scale === 1 ? "" : `translate(${place.x}px, ${place.y}px) scale(${place.scale})`;
  frame().classList.toggle("is-zoomed", place.scale > 1);
  if (place.scale > 1 && isClear() && image.dataset.detail && !image.dataset.isDetail) {
    image.dataset.isDetail = "yes";
    image.src = image.dataset.detail;
  }
}

/** Zoom by `factor` so that what lies under (x, y), counted from the frame's middle, stays there. */
function zoom(factor, x = 0, y = 0) {
  const before = place.scale;
  place.scale = Math.min(Math.max(before * factor, 1), LARGEST);
  const by = place.scale / before;
  place.x = x - (x - place.x) * by;
  place.y = y - (y - place.y) * by;
  apply();
}

function toggleZoom(x = 0, y = 0) {
  zoom(place.scale > 1 ? 1 / place.scale : 2.5, x, y);
  say(words("zoomed", Math.round(place.scale * 100)), { quiet: true });
}

function fromMiddle(event) {
  const box = frame().getBoundingClientRect();
  return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
}

export function reset() {
  place = { scale: 1, x: 0, y: 0 };
  pointers = new Map();
  holding = null;
}

function veil() {
  const image = picture();
  stage().classList.remove("is-clear");
  delete image.dataset.isDetail;
  image.src = image.dataset.veil;
  reset();
  apply();
}

/** Ask for the picture without blur; it counts, and a limit may refuse it. */
async function reveal() {
  const form = stage().querySelector("[data-reveal]");
  const image = picture();
  const address = form.action;
  const answer = await fetch(address, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } }).catch(() => null);
  if (!answer?.ok) {
    const refused = answer?.status === 409 ? (await answer.json()).error : words("lost");
    say(refused, { kind: "error" });
    return false;
  }
  if (image !== picture() || form.action !== address) return false; // another picture meanwhile
  image.src = image.dataset.view;
  stage().classList.add("is-clear");
  return true;
}

async function toggleVeil() {
  if (isClear()) {
    veil();
    say(words("veiled"), { quiet: true });
  } else if (await reveal()) {
    say(words("shown"), { quiet: true });
  }
}

/** Put another picture of the strip on the stage. */
function put(link) {
  const image = picture();
  const figure = stage();
  const data = link.dataset;
  reset();
  delete image.dataset.isDetail;
  Object.assign(image.dataset, { view: data.view, veil: data.veil, detail: data.detail });
  image.width = data.width;
  image.height = data.height;
  const clear = "clear" in data || !document.documentElement.classList.contains("is-veiled");
  const limited = figure.querySelector("[data-limit]");
  figure.classList.toggle("is-clear", clear && !limited);
  image.src = clear && !limited ? data.view : data.veil;
  figure.dataset.photo = data.strip;
  const form = figure.querySelector("[data-reveal]");
  form.action = data.reveal;
  const links = [...document.querySelectorAll("[data-strip]")];
  for (const one of links) one.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
  link.scrollIntoView({ block: "nearest", inline: "nearest" });
  const number = links.indexOf(link) + 1;
  for (const original of figure.querySelectorAll("[data-original]")) original.href = data.original;
  image.alt = link.querySelector("img").alt;
  apply();
  say(words("numbered", number, links.length), { quiet: true });
}

function step(by) {
  const links = [...document.querySelectorAll("[data-strip]")];
  const at = links.findIndex((link) => link.hasAttribute("aria-current"));
  if (links.length > 1) put(links[(at + by + links.length) % links.length]);
}

const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

document.addEventListener("shortcut", (event) => {
  if (!picture()) return;
  const key = event.detail.key;
  if (key === "j") step(1);
  else if (key === "k") step(-1);
  else if (key === "+" || key === "=") zoom(STEP);
  else if (key === "-") zoom(1 / STEP);
  else return;
  event.preventDefault();
});

// Arrows may repeat: a picture is moved by holding one down.
document.addEventListener("keydown", (event) => {
  if (!picture() || place.scale === 1 || !(event.key in ARROWS) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, dialog") || document.documentElement.classList.contains("is-without-keys")) return;
  event.preventDefault();
  place.x += ARROWS[event.key][0] * PAN_PX;
  place.y += ARROWS[event.key][1] * PAN_PX;
  apply();
});

document.addEventListener("click", (event) => {
  const strip = event.target.closest("[data-strip]");
  const button = event.target.closest("[data-zoom]");
  if (strip && !event.ctrlKey && !event.metaKey && !event.shiftKey && stage()) {
    event.preventDefault();
    put(strip);
  } else if (button) {
    if (button.dataset.zoom === "toggle") toggleZoom();
    else zoom(button.dataset.zoom === "in" ? STEP : 1 / STEP);
  }
});

document.addEventListener("dblclick", (event) => {
  if (event.target.closest("[data-frame]") && isClear()) toggleZoom(...fromMiddle(event));
});

document.addEventListener(
  "wheel",
  (event) => {
    const inside = event.target.closest?.("[data-frame]");
    // The page scrolls over a picture that nobody works with.
    if (!inside || (place.scale === 1 && document.activeElement !== inside)) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? STEP : 1 / STEP, ...fromMiddle(event));
  },
  { passive: false },
);

document.addEventListener("pointerdown", (event) => {
  if (!event.target.closest("[data-frame]")) return;
  pointers.set(event.pointerId, event);
  if (!isClear() && event.button === 0) holding = setTimeout(lookForAMoment, HOLD_MS);
});

async function lookForAMoment() {
  const hold = (holding = "held");
  if ((await reveal()) && holding !== hold) veil();
}

document.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const others = [...pointers.values()].filter((one) => one.pointerId !== event.pointerId);
  pointers.set(event.pointerId, event);
  if (holding === "held" || !isClear()) return;
  if (others.length === 1) {
    const [other] = others;
    const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
    zoom(apart(event) / apart(before), ...fromMiddle(event));
  } else if (place.scale > 1) {
    place.x += event.clientX - before.clientX;
    place.y += event.clientY - before.clientY;
    apply();
  }
});

function letGo(event) {
  if (!pointers.delete(event.pointerId)) return;
  if (holding === "held" && isClear()) veil();
  else if (typeof holding === "number") clearTimeout(holding);
  holding = null;
}
document.addEventListener("pointerup", letGo);
document.addEventListener("pointercancel", letGo);

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-reveal]")) return;
  event.preventDefault();
  toggleVeil();
});

document.addEventListener("look", ({ detail }) => {
  say(detail.words, { quiet: true });
  if (detail.name !== "blur" || !picture()) return;
  if (detail.on) veil();
  else if (detail.limit) say(detail.limit, { kind: "error" });
  else {
    picture().src = picture().dataset.view;
    stage().classList.add("is-clear");
  }
});

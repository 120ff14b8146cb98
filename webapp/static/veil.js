// Before the first paint: pictures that a person asked to have blurred must not flash up.
document.documentElement.classList.add("has-script");
try {
  if (localStorage.getItem("veil") === "on") document.documentElement.classList.add("is-veiled");
} catch {
  // Storage is switched off: pictures show as they are.
}

// Before the first paint: what needs a script may show.
document.documentElement.classList.add("has-script");

// The picture: one request at a time, then the newest wish; what was wished for in between is never asked.

import { $, clock, get, make } from "./ask.js";

const TAB = Math.random().toString(36).slice(2); // of several tabs none takes another one's turn
const NAMES = { source: "Source", depth: "Depth, red is near", anaglyph: "Anaglyph, red-cyan", wiggle: "Both eyes in turn", "sbs-full": "Side by side" };
const WIGGLE_MS = 180;
const QUIET_MS = 500;
const still = matchMedia("(prefers-reduced-motion: reduce)");

export const view = { film: null, facts: null, time: 0, shown: "anaglyph", fetch: false, options: () => ({}) };
let asking = false;
let asked = 0; // when, last
let wanted = null;
let urls = [];
let turn = 0;
let held = still.matches;

function rows() {
  const box = $("picture").getBoundingClientRect();
  const width = Math.min(box.width, view.facts ? (box.height * view.facts.width) / view.facts.height : box.width);
  const shown = (width * devicePixelRatio * view.facts.height) / view.facts.width;
  return Math.min(1080, view.facts.height, Math.max(180, Math.ceil(shown / 90) * 90));
}

function query(shown) {
  const { strength, zero_parallax, model } = view.options();
  const options = shown === "source" ? {} : { strength, zero_parallax, model };
  return { film: view.film, time: view.time.toFixed(4), shown, height: rows(), lane: `${TAB}-${shown}`, fetch: view.fetch ? 1 : 0, ...options };
}

// `quick`: the source will do, while the time moves.
export function show({ quick = false } = {}) {
  if (!view.film || !view.facts) return;
  wanted = { quick };
  asked = performance.now();
  if (!asking) next();
}

async function next() {
  asking = true;
  while (wanted) {
    const { quick } = wanted;
    wanted = null;
    if (!view.facts) break; // another film is being opened, and will ask
    const names = quick ? ["source"] : view.shown === "wiggle" ? ["left", "right"] : [view.shown];
    const late = setTimeout(() => { $("busy").hidden = false; }, 250);
    const film = view.film;
    try {
      const began = performance.now();
      const answers = await Promise.all(names.map(async (name) => (await get("api/picture", query(name))).blob()));
      if (film === view.film) await put(answers.map((blob) => URL.createObjectURL(blob)), quick ? "source" : view.shown);
      $("shown").dataset.milliseconds = (performance.now() - began).toFixed(1);
      $("trouble").hidden = true;
    } catch (error) {
      if (error.status !== 409) trouble(error);
    }
    clearTimeout(late);
    $("busy").hidden = true;
  }
  asking = false;
}

async function put(fresh, shown) {
  for (const url of fresh) { const image = new Image(); image.src = url; await image.decode(); }
  const old = urls;
  urls = fresh;
  turn = 0;
  $("shown").src = urls[0];
  $("shown").alt = `${NAMES[shown]}, ${$("film").selectedOptions[0].text} at ${clock(view.time)}`;
  $("shown").dataset.view = shown;
  $("caption").textContent = `${NAMES[shown]} \u00b7 ${clock(view.time, 2)}`;
  old.forEach((url) => URL.revokeObjectURL(url));
}

function trouble(error) {
  $("trouble-what").textContent = error.message;
  $("trouble-hint").textContent = error.hint ?? "";
  $("fetch").hidden = error.status !== 424;
  $("trouble").hidden = false;
}

setInterval(() => {
  if (urls.length === 2 && !held && !document.hidden) $("shown").src = urls[(turn = 1 - turn)];
}, WIGGLE_MS);

export function begin() {
  for (const radio of document.querySelectorAll("#views input")) {
    radio.addEventListener("change", () => { view.shown = radio.value; eyes(); show(); });
    if (radio.checked) view.shown = radio.value;
  }
  $("hold").addEventListener("click", () => { held = !held; eyes(); });
  $("fetch").addEventListener("click", () => { view.fetch = true; $("trouble").hidden = true; show(); });
  new ResizeObserver(() => { clearTimeout(begin.later); begin.later = setTimeout(show, 400); }).observe($("picture"));
  eyes();
}

function eyes() {
  $("hold").hidden = view.shown !== "wiggle";
  $("hold").setAttribute("aria-pressed", String(held));
}

// The strip: small pictures, fetched one after the other when they come into sight.
const queue = [];
let fetching = false;
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); queue.push(entry.target); }
  if (!fetching) fill();
}, { rootMargin: "200px" });

async function fill() {
  fetching = true;
  for (let image = queue.shift(); image; image = queue.shift()) {
    if (!image.isConnected) continue;
    // The large picture comes first, and the next one if a slider moves.
    while (asking || performance.now() - asked < QUIET_MS) await new Promise((go) => setTimeout(go, 60));
    try {
      const { film, time } = image.dataset;
      const answer = await get("api/picture", { film, time, shown: "source", height: 100, lane: `${TAB}-strip` });
      image.src = URL.createObjectURL(await answer.blob());
      image.onload = () => URL.revokeObjectURL(image.src);
    } catch { /* it stays grey */ }
  }
  fetching = false;
}

// `places`: {start, end, label} each; `go`: called with a time.
export function strip(places, go) {
  $("strip").replaceChildren(...places.map(({ start, end, label }) => {
    const image = make("img", { alt: "" });
    image.dataset.film = view.film;
    image.dataset.time = ((start + end) / 2).toFixed(3);
    const button = make("button", { type: "button", onclick: () => go((start + end) / 2) }, image, label);
    button.dataset.start = start;
    button.dataset.end = end;
    seen.observe(image);
    return make("li", {}, button);
  }));
  mark();
}

export function mark() {
  for (const button of document.querySelectorAll("#strip button")) {
    const here = view.time >= button.dataset.start && view.time < button.dataset.end;
    if (here) button.setAttribute("aria-current", "true"); else button.removeAttribute("aria-current");
  }
}

// The picture: one request at a time, then the newest wish; what was wished for in between is never asked.

import { $, clock, get, make } from "./ask.js";

const TAB = Math.random().toString(36).slice(2); // of several tabs none takes another one's turn
const NAMES = { source: "Source", depth: "Depth, red is near", anaglyph: "Anaglyph, red-cyan", wiggle: "Both eyes in turn", "sbs-full": "Side by side" };
const WIGGLE_MS = 180;
const QUIET_MS = 500;
const still = matchMedia("(prefers-reduced-motion: reduce)");

// `options`: of the film; `own`: of the shot that is seen; `go`: to a time.
export const view = { film: null, facts: null, time: 0, shown: "anaglyph", fetch: false, options: () => ({}), own: () => ({}), go: () => {} };
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
  const options = shown === "source" ? {} : { ...view.options(), own: JSON.stringify(view.own()) };
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

// Places in the film as small pictures in `box`: {start, end, time, label} each. Tab reaches one of them, arrows the others.
export function places(box, list) {
  const old = box.children.length === list.length ? [...box.children] : [];
  box.places = list;
  box.at = -1;
  box.replaceChildren(...list.map(({ time, label }, number) => {
    const button = old[number] ?? make("button", { type: "button" }, make("img", { alt: "" }), make("span"));
    const [image, text] = button.children;
    button.onclick = () => view.go(time);
    button.tabIndex = number ? -1 : 0;
    text.textContent = label;
    if (image.dataset.film !== view.film || image.dataset.time !== time.toFixed(3)) {
      Object.assign(image.dataset, { film: view.film, time: time.toFixed(3) });
      seen.observe(image);
    }
    return button;
  }));
  box.onkeydown = (event) => {
    const place = [...box.children].indexOf(event.target);
    const next = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: list.length - 1 }[event.key];
    if (place < 0 || !(next in list)) return;
    event.preventDefault();
    box.children[next].focus();
    box.children[next].click();
  };
  mark(box);
}

export function mark(box) {
  const at = box.places?.findIndex(({ start, end }) => view.time >= start && view.time < end) ?? -1;
  if (at === box.at) return;
  const [before, now] = [box.children[box.at], box.children[at]];
  box.at = at;
  before?.removeAttribute("aria-current");
  if (!now) return;
  now.setAttribute("aria-current", "true");
  for (const button of box.querySelectorAll("[tabindex='0']")) button.tabIndex = -1;
  now.tabIndex = 0;
  box.scrollTo({ left: now.offsetLeft - (box.clientWidth - now.clientWidth) / 2 });
}

// The page: films, options, time. The picture is viewer.js, the conversions are jobs.js.

import { $, clock, get, make, post } from "./ask.js";
import * as jobs from "./jobs.js";
import * as measures from "./measures.js";
import * as shots from "./shots.js";
import { begin, mark, places, show, view } from "./viewer.js";

const STILLS = 8;
let page;
let chosen; // for the film, whatever the panel shows of a shot
let settled;

const json = async (path, query) => (await get(path, query)).json();

// The panel shows what holds for the film, or for the shot that is seen.
function describe() {
  const { model: name, strength, zero_parallax: zero } = { ...chosen, ...(shots.scoped() ? shots.own() : {}) };
  const flat = shots.scoped() && "flat" in shots.own();
  $("model").value = name;
  $("strength").value = strength;
  $("auto").checked = zero === "auto";
  if (zero !== "auto") $("zero").value = zero;
  for (const id of ["model", "strength", "auto"]) $(id).disabled = flat;
  $("zero").disabled = flat || zero === "auto";
  $("strength-value").textContent = flat ? "flat" : `${Number(strength).toFixed(1)} %`;
  $("zero-value").textContent = zero === "auto" ? "automatic" : Number(zero).toFixed(2);
  const model = page.models.find((entry) => entry.name === name) ?? { licence: "", here: true };
  const notes = [model.licence === "CC-BY-NC-4.0" ? "CC-BY-NC-4.0: not for commercial use" : model.licence];
  if (!model.here) notes.push(`to download, about ${model.megabytes} MB`);
  $("model-note").textContent = notes.filter(Boolean).join(" \u00b7 ");
}

function decide(option, value) {
  if (shots.scoped()) shots.set({ ...shots.own(), [option]: String(value) });
  else {
    chosen[option] = value;
    describe();
    if (option === "model") measures.draw();
    show();
  }
}

// All that the page decides of the film.
const asked = () => ({ ...chosen, layout: $("layout").value, screen_width: $("screen").value, codec: $("codec").value });

function choices(select, rows, chosen) {
  select.replaceChildren(...rows.map(([value, text]) => make("option", { value, textContent: text, selected: value === chosen })));
}

function fillPanel() {
  const { begin: first, models, layouts, screens, codecs } = page;
  choices($("model"), models.map((model) => [model.name, model.title]), first.model);
  choices($("layout"), layouts.map((layout) => [layout.name, `${layout.name}: ${layout.about}`]), first.layout);
  choices($("screen"), screens.map((name) => [name, name === "any" ? "any: no limit" : name]), String(first.screen_width));
  choices($("codec"), codecs.map((name) => [name, name]), first.codec);
  $("strength").max = Math.max(6, first.strength);
  chosen = { model: first.model, strength: first.strength, zero_parallax: first.zero_parallax };
  describe();
}

async function listFilms() {
  const { films } = await json("api/films");
  const folders = Map.groupBy ? Map.groupBy(films, (film) => film.folder) : films.reduce((all, film) => all.set(film.folder, [...(all.get(film.folder) ?? []), film]), new Map());
  const groups = [...folders].map(([folder, inside]) => {
    const group = make("optgroup", { label: folder });
    group.append(...inside.map((film) => make("option", { value: film.name, textContent: film.file })));
    return group;
  });
  $("film").replaceChildren(...(films.length ? groups : [make("option", { textContent: "no film in the folders" })]));
  $("film").disabled = !films.length;
  $("film-facts").textContent = films.length ? "" : `looked in ${page.folders.join(", ")}`;
  if (!films.length) return;
  const before = new URLSearchParams(location.hash.slice(1)).get("film");
  if (films.some((film) => film.name === before)) $("film").value = before;
  await openFilm();
}

async function openFilm() {
  if (view.film && !shots.leave()) {
    $("film").value = view.film;
    return;
  }
  const film = (view.film = $("film").value);
  view.facts = null;
  $("caption").textContent = "opening the film";
  $("busy").hidden = false;
  try {
    const facts = await json("api/film", { film });
    if (film !== view.film) return;
    view.facts = facts;
    $("film-facts").textContent = `${facts.width} \u00d7 ${facts.height}, ${clock(facts.seconds)}, ${Number(facts.rate.toFixed(3))} fps`;
    $("picture").style.aspectRatio = `${facts.width} / ${facts.height}`;
    $("output").value = facts.output;
    $("time").max = Math.max(0, facts.seconds - 1 / facts.rate);
    $("time").disabled = facts.kind === "picture";
    $("convert").disabled = facts.kind === "picture";
    through(film, facts);
    go(Math.min(facts.seconds / 4, 600));
    await Promise.all([shots.look(), measures.look()]);
  } catch (error) {
    say(error);
    $("caption").textContent = "";
    $("busy").hidden = true;
    $("convert").disabled = true;
  }
}

// Moments that stand for the film; until they are found, and where none can be, even steps through it.
function through(film, { kind, seconds }) {
  const steps = kind === "picture" ? 1 : STILLS;
  rows(Array.from({ length: steps }, (_, n) => ({ time: ((n + 0.5) * seconds) / steps, kind: "" })), seconds);
  if (kind !== "picture") json("api/moments", { film, count: STILLS }).then(({ moments }) => film === view.film && rows(moments, seconds)).catch(() => {});
}

function rows(moments, seconds) {
  const between = [0, ...moments.slice(1).map(({ time }, n) => (moments[n].time + time) / 2), Math.max(seconds, 0.001)];
  const digits = seconds < 2 * STILLS ? 1 : 0;
  places($("strip"), moments.map(({ time, kind }, n) => ({ start: between[n], end: between[n + 1], time, label: [clock(time, digits), kind].filter(Boolean).join(" \u00b7 ") })));
}

function go(time, { moving = false } = {}) {
  view.time = Math.min(Math.max(0, time), Number($("time").max));
  $("time").value = view.time;
  $("clock").textContent = clock(view.time, 2);
  $("time").setAttribute("aria-valuetext", clock(view.time));
  history.replaceState(null, "", `#${new URLSearchParams({ film: view.film })}`);
  mark($("strip"));
  shots.moved();
  measures.moved();
  clearTimeout(settled);
  if (moving) {
    show({ quick: true });
    settled = setTimeout(show, 220);
  } else show();
}

function say(error) {
  $("said").classList.toggle("bad", Boolean(error));
  $("said").textContent = error ? `${error.message}${error.hint ? ` \u2013 ${error.hint}` : ""}` : "";
}

async function convert(event) {
  event.preventDefault();
  say(null);
  $("convert").disabled = true;
  try {
    if (shots.unsaved()) await shots.save();
    await post("api/jobs", { film: view.film, output: $("output").value + $("suffix").value, options: { ...asked(), overwrite: $("overwrite").checked } });
    $("said").textContent = "Started. It goes on when this page is closed.";
    $("overwrite").checked = false;
  } catch (error) {
    say(error);
  }
  $("convert").disabled = false;
}

function keys(event) {
  const { facts } = view;
  const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -60, PageUp: 60 };
  if (event.key in steps && facts) {
    event.preventDefault();
    go(view.time + steps[event.key] * (event.shiftKey ? 1 / facts.rate : 1), { moving: true });
  }
}

function wire() {
  $("film").addEventListener("change", openFilm);
  $("time").addEventListener("input", () => go($("time").valueAsNumber, { moving: true }));
  $("time").addEventListener("keydown", keys);
  $("back").addEventListener("click", () => go(view.time - 1 / view.facts.rate));
  $("forth").addEventListener("click", () => go(view.time + 1 / view.facts.rate));
  $("strength").addEventListener("input", () => decide("strength", $("strength").valueAsNumber));
  $("zero").addEventListener("input", () => decide("zero_parallax", $("zero").valueAsNumber));
  $("auto").addEventListener("change", () => decide("zero_parallax", $("auto").checked ? "auto" : $("zero").valueAsNumber));
  $("model").addEventListener("change", () => { view.fetch = false; decide("model", $("model").value); });
  $("panel").addEventListener("submit", convert);
}

page = await json("api/page");
view.options = () => chosen;
view.go = go;
fillPanel();
wire();
begin();
shots.begin(say, describe);
measures.begin(asked);
jobs.begin(page.local, () => view.facts && Promise.all([shots.look(), measures.look()]).catch(say));
await listFilms().catch(say);

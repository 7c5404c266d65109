// What each model costs on this film, and how they differ: measured by commands, one at a time, which every tab sees.

import { $, clock, get, make, post } from "./ask.js";
import { view } from "./viewer.js";

const LOOK_AGAIN_MS = 1500;
const DOING = { estimate: "Estimating", compare: "Comparing" };
let asked = () => ({});
let last = null;
const seen = new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) load(); });

export function begin(options) {
  asked = options;
  for (const kind of Object.keys(DOING)) $(kind).addEventListener("click", () => act("api/measures", { kind, options: asked(), time: view.time.toFixed(4) }));
  $("cease").addEventListener("click", () => act("api/measures/end", { kind: running() }));
  for (const id of ["layout", "screen", "codec"]) $(id).addEventListener("change", draw);
}

const running = () => Object.keys(DOING).find((kind) => last?.[kind].state === "running");

async function act(path, value) {
  for (const id of [...Object.keys(DOING), "cease"]) $(id).disabled = true;
  try {
    await post(path, { film: view.film, ...value });
    await look();
  } catch (error) {
    draw();
    tell(error.message, error.hint, true);
  }
}

export async function look() {
  const film = view.film;
  const found = await (await get("api/measures", { film })).json();
  if (film !== view.film) return;
  last = found;
  draw();
  if (running()) setTimeout(() => film === view.film && look().catch((error) => tell(error.message, error.hint, true)), LOOK_AGAIN_MS);
}

function tell(what, hint = "", bad = false) {
  $("measuring").textContent = what + (hint ? ` \u2013 ${hint}` : "");
  $("measuring").classList.toggle("wrong", bad);
}

export function moved() {
  $("compare").textContent = `Compare the models at ${clock(view.time)}`;
}

export function draw() {
  if (!last) return;
  const { estimate, compare } = last, busy = running();
  for (const id of Object.keys(DOING)) $(id).disabled = Boolean(busy);
  $("cease").hidden = !busy;
  $("cease").disabled = false;
  const failed = Object.values(last).find((one) => one.state === "failed");
  if (busy) tell(`${DOING[busy]}: ${last[busy].said || "beginning"}`);
  else if (failed) tell(failed.error, failed.hint, true);
  else tell(about(estimate));
  cards(estimate.found, compare.found);
  $("compared").hidden = compare.state !== "done" || !compare.found.models.length;
  if (compare.state === "done") sheet(compare);
  forecast(estimate);
}

// What an estimate was measured with, where that is not what the page says now.
function about({ state, found, about: begun }) {
  if (state !== "done") return "Measured on this film and this machine, in about a minute a model.";
  const now = asked(), names = { layout: "layout", codec: "codec" };
  const other = Object.keys(names).filter((name) => begun.options[name] !== now[name]).map((name) => `${names[name]} ${begun.options[name]}`);
  return `${found.frames} frames, ${clock(found.film_seconds)}${other.length ? `, measured with ${other.join(" and ")}: estimate again` : ""}`;
}

const ready = (seconds) => new Date(Date.now() + 1000 * seconds).toLocaleString([], { weekday: "short", hour: "2-digit", minute: "2-digit" });
const span = (seconds) => (seconds < 90 ? `${Math.ceil(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`);
const size = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.max(1, Math.round(bytes / 1e6))} MB`);

function cards(costs, differences) {
  const rows = (which) => [...(costs?.[which] ?? []), ...(differences?.[which] ?? [])];
  const named = (some, name) => some?.find((row) => row.name === name);
  const names = [...new Set(rows("models").map((model) => model.name))];
  $("model-list").replaceChildren(...names.map((name) => {
    const cost = named(costs?.models, name), difference = named(differences?.models, name);
    const card = make("li", {}, make("h3", { textContent: name }));
    if (cost) {
      const speed = cost.fps >= 1 ? `${cost.fps.toFixed(1)} fps` : `${(1 / cost.fps).toFixed(1)} s a frame`;
      card.append(
        make("p", { className: "big", textContent: span(cost.seconds) }),
        make("p", { className: "numbers", textContent: `ready ${ready(cost.seconds)}, begun now` }),
        make("p", { className: "soft small", textContent: `${size(cost.output_bytes)}, needs ${size(cost.work_bytes)} of disk \u00b7 ${speed}, limited by ${cost.limited_by}` }),
      );
      if (cost.work_bytes > costs.free_bytes) card.append(make("p", { className: "wrong", textContent: `only ${size(costs.free_bytes)} are free` }));
    }
    if (difference && name !== differences.largest) card.append(make("p", { className: "soft small", textContent: `its depth differs from ${differences.largest}'s by ${difference.difference.toFixed(1)} %` }));
    return card;
  }));
  const missing = rows("missing").filter(({ name }, place, all) => !names.includes(name) && all.findIndex((row) => row.name === name) === place);
  $("missing").replaceChildren(...missing.map(({ name, reason, hint }) => make("li", { textContent: `${name}: ${reason} \u2013 ${hint}` })));
}

function sheet({ about: begun, found }) {
  $("sheet").dataset.source = `compared.png?${new URLSearchParams({ film: view.film, time: begun.time })}`;
  seen.disconnect();
  seen.observe($("compared"));
  const names = found.models.map((model) => model.name).join(", ");
  $("sheet").alt = `The source, and its depth by ${names}`;
  const link = make("a", { href: `compared?${new URLSearchParams({ film: view.film })}`, target: "_blank", rel: "noopener", textContent: "As a page" });
  $("compared-about").replaceChildren(`At ${clock(begun.time)}: the source and its depth by ${names}; red is near. `, link);
}

// It is as large as all the rest: only for who looks at it.
function load() {
  const { source } = $("sheet").dataset;
  if ($("sheet").getAttribute("src") !== source) $("sheet").src = source;
}

function forecast({ found }) {
  const { model } = asked();
  const cost = found?.models.find((row) => row.name === model);
  const link = make("a", { href: "#models", textContent: cost ? "other models" : "How long will it take?" });
  $("forecast").replaceChildren(...(cost ? [`About ${span(cost.seconds)}, ready ${ready(cost.seconds)}: `] : []), link);
}

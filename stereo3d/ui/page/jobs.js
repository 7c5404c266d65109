// The conversions: what the server says of them, once a second, and what can be done about each.

import { $, clock, make, post } from "./ask.js";

const STATES = { running: "Converting", pausing: "Pausing after this piece", paused: "Paused", failed: "Failed", done: "Done" };
const cards = new Map();
let local = true;
let last = new Map();
let heard = null;

// `look`: called when something else that tabs share was changed by one of them.
export function begin(isLocal, look) {
  local = isLocal;
  const source = new EventSource("api/events");
  source.onmessage = (event) => {
    const { jobs, told } = JSON.parse(event.data);
    $("lost").hidden = true;
    draw(jobs);
    if (heard !== null && heard !== told) look();
    heard = told;
  };
  source.onerror = () => { $("lost").hidden = false; };
}

function draw(jobs) {
  $("no-jobs").hidden = jobs.length > 0;
  const busy = jobs.filter((job) => ["running", "pausing"].includes(job.state)).length;
  $("count").hidden = !busy;
  $("count").textContent = busy;
  const names = new Set(jobs.map((job) => job.name));
  for (const [name, card] of cards) if (!names.has(name)) { card.remove(); cards.delete(name); }
  jobs.forEach((job, place) => {
    const card = cards.get(job.name) ?? create(job);
    fill(card, job);
    if ($("job-list").children[place] !== card) $("job-list").insertBefore(card, $("job-list").children[place] ?? null);
    const before = last.get(job.name);
    if (before && before !== job.state) $("news").textContent = `${job.file}: ${STATES[job.state]}`;
  });
  last = new Map(jobs.map((job) => [job.name, job.state]));
}

function create(job) {
  const card = $("job").content.firstElementChild.cloneNode(true);
  card.querySelector("h3").textContent = job.file;
  card.querySelector("progress").setAttribute("aria-label", `Progress of ${job.file}`);
  for (const button of card.querySelectorAll("button[data-do]")) button.addEventListener("click", () => act(card, button));
  cards.set(job.name, card);
  return card;
}

function fill(card, job) {
  const part = (name) => card.querySelector(name);
  card.dataset.state = job.state;
  card.dataset.name = job.name;
  part(".badge").textContent = STATES[job.state];
  part(".from").textContent = job.film ? `from ${job.film}` : "";
  const bar = part("progress");
  bar.hidden = job.state === "done";
  if (job.share === null) bar.removeAttribute("value"); else bar.value = job.share;
  part(".numbers").textContent = numbers(job);
  part(".wrong").hidden = !job.error;
  part(".wrong").textContent = job.error + (job.hint ? ` \u2013 ${job.hint}` : "");
  part(".notes").hidden = !job.notes.length;
  part(".notes").replaceChildren(...job.notes.map((note) => make("li", { textContent: note })));
  const works = ["running", "pausing"].includes(job.state);
  const shown = {
    pause: job.state === "running", stop: works && job.can_end, continue: !works && job.can_continue, report: job.report,
    watch: job.watchable, dismiss: Boolean(job.error) && !works,
  };
  for (const [what, there] of Object.entries(shown)) part(`[data-do=${what}]`).hidden = !there;
  part("[data-do=continue]").textContent = job.state === "done" ? "Make the changed shots anew" : "Continue";
  part("[data-do=report]").href = `report?output=${encodeURIComponent(job.name)}`;
  part("[data-do=report]").setAttribute("aria-label", `Report of ${job.file}`);
  const watch = part("[data-do=watch]");
  watch.setAttribute("aria-pressed", String(Boolean(job.link)));
  const link = part(".link");
  link.hidden = !job.link;
  if (job.link && link.dataset.link !== job.link) {
    link.dataset.link = job.link;
    const where = local ? "Only this machine can open it: start stereo3d ui with --host 0.0.0.0 for a headset." : "Open it in the headset's browser. It is good for this film only.";
    link.replaceChildren(make("a", { href: job.link, target: "_blank", rel: "noopener", textContent: job.link }), make("br"), where);
  }
}

function numbers(job) {
  const parts = [];
  if (job.share !== null && job.state !== "done") parts.push(`${Math.floor(100 * job.share)} %`);
  if (job.frames_total && job.state !== "done") parts.push(`${job.frames_done} of ${job.frames_total} frames`);
  if (job.fps) parts.push(job.fps >= 1 ? `${job.fps.toFixed(1)} fps` : `${(1 / job.fps).toFixed(1)} s a frame`);
  if (job.seconds_left !== null && job.state !== "done") parts.push(`${clock(job.seconds_left)} left`);
  if (job.limited_by) parts.push(`limited by ${job.limited_by}`);
  return parts.join(" \u00b7 ") || job.phase;
}

async function act(card, button) {
  const output = card.dataset.name;
  const asks = {
    pause: ["api/jobs/pause", { output }], stop: ["api/jobs/pause", { output, at_once: true }], continue: ["api/jobs/continue", { output }],
    dismiss: ["api/jobs/dismiss", { output }], watch: ["api/watch", { output, allow: button.getAttribute("aria-pressed") !== "true" }],
  };
  button.disabled = true;
  try {
    await post(...asks[button.dataset.do]);
  } catch (error) {
    card.querySelector(".wrong").hidden = false;
    card.querySelector(".wrong").textContent = `${error.message}${error.hint ? ` \u2013 ${error.hint}` : ""}`;
  }
  button.disabled = false;
}

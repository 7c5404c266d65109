// The shots: their strip, and what single ones have of their own. What is not saved yet is seen in the picture already.

import { $, clock, get, make, post } from "./ask.js";
import { mark, places, show, view } from "./viewer.js";

const LOOK_AGAIN_MS = 2000;
const same = (one, other) => Object.keys(one).length === Object.keys(other).length && Object.keys(one).every((name) => one[name] === other[name]);
const words = (own) => Object.entries(own).map(([name, value]) => `${name.replace("_", "-")} ${value}`.trim()).join(", ");

let list = [];
let saved = {}; // by number, as the file says
let drafts = {}; // by number, all that a shot is to have from now on
let version = "";
let typed;
let tell = () => {};
let refresh = () => {};
const output = () => $("output").value + $("suffix").value;

export const current = () => list.find((shot) => view.time >= shot.start && view.time < shot.end) ?? (view.time > 0 ? list.at(-1) : list[0]);
export const own = (shot = current()) => (shot ? drafts[shot.number] ?? saved[shot.number] ?? {} : {});
export const scoped = () => Boolean(list.length) && $("this-shot").checked;
export const unsaved = () => Object.keys(drafts).length;

export function begin(say, controls) {
  tell = say;
  refresh = controls;
  view.own = () => own();
  $("find").addEventListener("click", async () => { await post("api/shots", { film: view.film }).catch(tell); await look(); });
  $("scope").addEventListener("change", describe);
  $("flat").addEventListener("change", () => { if ($("flat").checked) set({ ...own(), flat: "" }); else { const { flat, ...rest } = own(); set(rest); } });
  $("as-film").addEventListener("click", () => set({}));
  $("save").addEventListener("click", () => save().catch(tell));
  $("undo").addEventListener("click", () => { drafts = {}; changed(); show(); });
  for (const id of ["output", "suffix"]) $(id).addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(() => read().catch(tell), 300); });
  addEventListener("focus", () => read().catch(tell)); // an editor may have changed the file
  addEventListener("beforeunload", (event) => { if (unsaved()) event.preventDefault(); });
}

// Another film: false where the person would rather keep what is not saved.
export function leave() {
  if (unsaved() && !confirm("The changed shots are not saved. Leave them?")) return false;
  list = [];
  saved = {};
  drafts = {};
  $("this-shot").checked = false;
  $("the-film").checked = true;
  places($("shots"), []);
  changed();
  return true;
}

export async function look() {
  const film = view.film;
  const found = await (await get("api/shots", { film })).json();
  if (film !== view.film || !view.facts) return;
  const states = { running: "Looking for shots\u2026", failed: "Not found: try again" };
  $("find").hidden = found.state === "done" || view.facts.kind === "picture";
  $("find").disabled = found.state === "running";
  $("find").textContent = states[found.state] ?? "Find the shots";
  $("shots-head").hidden = view.facts.kind === "picture";
  if (found.state === "running") setTimeout(() => film === view.film && look().catch(tell), LOOK_AGAIN_MS);
  if (found.state === "failed") tell({ message: found.error, hint: found.hint });
  if (found.state === "done" && JSON.stringify(found.shots) !== JSON.stringify(list)) {
    list = found.shots;
    $("shots-title").textContent = `${list.length} shot${list.length === 1 ? "" : "s"}`;
    places($("shots"), list.map((shot) => ({ ...shot, time: (shot.start + shot.end) / 2, label: "" })));
    changed();
  }
  if (list.length) await read();
}

async function read() {
  if (list.length) took(await (await get("api/own", { film: view.film, output: output() })).json());
}

function took(file) {
  ({ own: saved, version } = file);
  if (file.error) tell({ message: file.error, hint: file.hint });
  for (const number of Object.keys(drafts)) if (same(drafts[number], saved[number] ?? {})) delete drafts[number];
  changed();
  show();
}

// All own options of the shot that is seen.
export function set(options) {
  const { number } = current();
  if (same(options, saved[number] ?? {})) delete drafts[number]; else drafts[number] = options;
  label(current(), $("shots").children[list.indexOf(current())]);
  describe();
  show();
}

export async function save() {
  try {
    const file = await post("api/own", { film: view.film, output: output(), version, shots: drafts });
    drafts = {};
    took(file);
    $("said").textContent = `Saved in ${file.file}: the next conversion makes these shots so.`;
  } catch (error) {
    if (error.status === 409) await read(); // somebody else has changed the file: it is shown, and what is not saved stays
    throw error;
  }
}

function changed() {
  for (const [place, shot] of list.entries()) label(shot, $("shots").children[place]);
  describe();
}

function label(shot, button) {
  const mine = words(own(shot)), draft = shot.number in drafts;
  button.lastChild.textContent = `${shot.number} \u00b7 ${clock(shot.start)} \u00b7 ${(shot.end - shot.start).toFixed(1)} s`;
  if (mine || draft) button.lastChild.append(make("b", { textContent: `${draft ? "not saved: " : ""}${mine || "as the film"}` }));
}

function describe() {
  const shot = current(), mine = own();
  $("scope").hidden = !list.length;
  $("shot-name").textContent = shot ? `Shot ${shot.number}` : "This shot";
  $("own-row").hidden = !scoped();
  $("flat").checked = "flat" in mine;
  $("as-film").disabled = !words(mine);
  $("own-note").hidden = scoped() || !words(mine);
  $("own-note").textContent = `Shot ${shot?.number} has its own: ${words(mine)}`;
  const count = unsaved();
  $("unsaved").hidden = !count;
  $("save").textContent = `Save ${count} changed shot${count === 1 ? "" : "s"}`;
  refresh();
}

// The time moved.
export function moved() {
  mark($("shots"));
  if (list.length) describe();
}

// Requests to the server; what goes wrong is an Error with the server's own words and hint.

export const $ = (id) => document.getElementById(id);

async function answered(answer) {
  if (answer.ok) return answer;
  const value = await answer.json().catch(() => ({}));
  const error = new Error(value.error ?? `the server answers ${answer.status}`);
  throw Object.assign(error, { hint: value.hint ?? "", status: answer.status });
}

export const get = async (path, query = {}, signal = undefined) =>
  answered(await fetch(`${path}?${new URLSearchParams(query)}`, { signal }));

export const post = async (path, value) =>
  (await answered(await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) }))).json();

export function clock(seconds, digits = 0) {
  const whole = Math.floor(seconds + (digits ? 0 : 0.5));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const text = (parts[0] ? [parts[0], String(parts[1]).padStart(2, "0")] : [parts[1]]).concat(String(parts[2]).padStart(2, "0")).join(":");
  return digits ? text + (seconds % 1).toFixed(digits).slice(1) : text;
}

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

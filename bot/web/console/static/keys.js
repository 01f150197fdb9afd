// Tries a key on the real API.  The key stays in this page: no form posts it, and nothing keeps it.
"use strict";

const trial = document.getElementById("trial");
const field = document.getElementById("trial-key");
const call = document.getElementById("trial-call");
const part = (name) => document.getElementById(`trial-${name}`);
const HEADERS = ["content-type", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"];
const LONGEST = 200000; // characters of an answer that are shown
const ENTRIES = 20;

trial.addEventListener("submit", (event) => {
  event.preventDefault();
  ask(field.value.trim());
});
call.addEventListener("change", write);
field.addEventListener("input", write);
part("shown").addEventListener("change", (event) => trial.classList.toggle("shown", event.target.checked));
addEventListener("pagehide", () => { field.value = ""; }); // going back shows no key
write();

function header(key) {
  const name = call.selectedOptions[0].dataset.header;
  return [name, name === "Authorization" ? `Bearer ${key}` : key];
}

function write() {
  const line = (key) => `curl "${trial.dataset.address}${call.value}" -H "${header(key).join(": ")}"`;
  const key = field.value.trim();
  part("curl").textContent = line(key ? `${key.slice(0, Math.min(12, key.length / 2))}${"•".repeat(8)}` : "$KEY");
  part("copy").dataset.copies = line("$KEY");
}

async function ask(key) {
  const button = trial.querySelector("button");
  button.disabled = true;
  part("answer").hidden = false;
  show("", "", trial.dataset.saysAsking);
  const began = performance.now();
  try {
    const response = await fetch(call.value, {
      headers: [header(key), ["Accept", "application/json"]],
      credentials: "omit", // the key alone opens it
      cache: "no-store",
      redirect: "error",
    });
    const text = await response.text();
    answered(response, text, performance.now() - began);
  } catch {
    show("–", "bad", trial.dataset.saysLost);
  }
  button.disabled = false;
}

function show(status, kind, hint) {
  part("status").textContent = status;
  part("status").className = `badge ${kind}`;
  part("hint").textContent = hint;
  part("time").textContent = "";
  part("headers").replaceChildren();
  part("entries").replaceChildren();
  part("entries").hidden = true;
  part("body").textContent = "";
}

function answered(response, text, milliseconds) {
  let body = null;
  try { body = JSON.parse(text); } catch { /* shown as it came */ }
  const found = body === null ? null : entries(body);
  show(`${response.status} ${response.statusText}`.trim(), response.ok ? "good" : "bad", hint(response, found));
  part("time").textContent = `${Math.round(milliseconds)} ms`;
  for (const name of HEADERS) {
    if (response.headers.has(name)) part("headers").append(element("dt", name), element("dd", value(name, response)));
  }
  const words = body === null ? text : JSON.stringify(body, null, 2);
  part("body").textContent = words.length > LONGEST ? `${words.slice(0, LONGEST)}\n…` : words;
  list(found ?? []);
}

function value(name, response) {
  const text = response.headers.get(name);
  return name === "x-ratelimit-reset" ? `${text} (${new Date(Number(text) * 1000).toISOString()})` : text;
}

function hint(response, found) {
  const says = trial.dataset;
  if (response.ok) return found && !found.length ? says.saysEmpty : says.saysGood;
  return says[`says-${response.status}`] ?? says.saysOther;
}

// Every list of these APIs is the first list in its answer.
function entries(body) {
  return Object.values(body).find(Array.isArray) ?? (Array.isArray(body) ? body : null);
}

function list(found) {
  for (const one of found.slice(0, ENTRIES)) {
    const title = one.title || one.tweetText || one.text || one.post?.title;
    if (!title) continue;
    const line = element("li", String(title).slice(0, 200));
    const from = [one.account?.name ?? one.feed?.title ?? one.xUsername, one.publishedAt ?? one.createdAt];
    line.append(element("small", from.filter((word) => typeof word === "string").join(" · ")));
    part("entries").append(line);
  }
  part("entries").hidden = !part("entries").children.length;
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

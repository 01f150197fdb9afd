// What pages cannot do without a script: copying, the menu of small screens, and quiet while nobody looks.
"use strict";

document.documentElement.classList.add("scripted");

document.addEventListener("click", async (event) => {
  const copies = event.target.closest("[data-copies]");
  if (copies) await copy(copies);
  const toggles = event.target.closest("[data-toggles]");
  if (toggles) toggle(toggles);
});

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-submits]");
  if (form) form.requestSubmit();
});

async function copy(button) {
  const text = button.dataset.copies;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyBySelection(text); // over plain HTTP there is no clipboard
  }
  const label = button.querySelector("[data-copied]");
  const before = label.textContent;
  label.textContent = label.dataset.copied;
  setTimeout(() => { label.textContent = before; }, 1500);
}

function copyBySelection(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "hidden";
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

function toggle(button) {
  const open = document.getElementById(button.dataset.toggles).classList.toggle("open");
  button.setAttribute("aria-expanded", String(open));
}

// A live page rests while nobody looks at it: browsers open few connections to one server, and each page takes one.
class RestingSource extends EventTarget {
  constructor(url) {
    super();
    this.url = url;
    this.look = () => (document.hidden ? this.rest() : this.open());
    document.addEventListener("visibilitychange", this.look);
    this.look();
  }

  get readyState() {
    return this.source ? this.source.readyState : EventSource.CONNECTING;
  }

  open() {
    if (this.source) return;
    this.source = new EventSource(this.url);
    this.source.onopen = (event) => this.onopen?.(event);
    this.source.onerror = (event) => this.onerror?.(event);
    this.source.onmessage = (event) => this.dispatchEvent(new MessageEvent("message", { data: event.data }));
  }

  rest() {
    this.source?.close();
    this.source = undefined;
  }

  close() {
    document.removeEventListener("visibilitychange", this.look);
    this.rest();
  }
}

if (window.htmx) htmx.createEventSource = (url) => new RestingSource(url);

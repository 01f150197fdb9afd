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

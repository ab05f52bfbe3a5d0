/* SPDX-FileCopyrightText: 2026 The mapherd authors
 * SPDX-License-Identifier: Apache-2.0 */

// What all parts of the page share: the data, elements, words for numbers and times.
const data = JSON.parse(document.getElementById("data").textContent);

// An element with attributes and children; a child that is text is set as text, never as markup.
function el(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {}))
    if (value !== null && value !== undefined && value !== false)
      e.setAttribute(name, value === true ? "" : value);
  e.append(...children.filter((c) => c !== null && c !== undefined));
  return e;
}

function svg(tag, attributes, text) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes || {})) e.setAttribute(name, value);
  if (text !== undefined) e.textContent = text;
  return e;
}

// The pieces of a long name, with places to break it behind dots and slashes.
function breakable(text) {
  return text.split(/(?<=[^*][./])(?=[^./])/).flatMap((part, i) => (i ? [el("wbr"), part] : [part]));
}

// Text in which no time is broken.
function timed(text) {
  return text
    .split(/(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)/)
    .map((part, i) => (i % 2 ? el("span", { class: "when" }, part) : part));
}

const grouped = (n) => String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ",");
const counted = (n, word) => grouped(n) + " " + word + (n === 1 ? "" : "s");

function percent(part, whole) {
  if (!whole) return "0 %";
  const share = (100 * part) / whole;
  return (share > 0 && share < 1 ? "<1" : String(Math.floor(share))) + " %";
}

function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let u = 0;
  while (n >= 1024 && u < units.length - 1) {
    n /= 1024;
    u++;
  }
  return (n < 10 && u > 0 ? n.toFixed(1).replace(".0", "") : String(Math.round(n))) + " " + units[u];
}

function duration(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 90) return s + " s";
  if (s < 90 * 60) return Math.round(s / 60) + " min";
  if (s < 10 * 3600) return (s / 3600).toFixed(1) + " h";
  if (s < 48 * 3600) return Math.round(s / 3600) + " h";
  return Math.round(s / 86400) + " days";
}

// Times are those of the machine that made the page, wherever it is read. A record may say any time.
const latest = Date.UTC(9999, 11, 31);
function iso(ms) {
  return new Date(Math.max(0, Math.min(latest, ms + data.zone * 1000))).toISOString();
}
const clock = (ms) => iso(ms).slice(11, 19);
const day = (ms) => iso(ms).slice(0, 10);
const moment = (ms) => day(ms) + " " + clock(ms);

// A row of buttons of which one is pressed. options: [[value, label]...]
function choice(what, options, chosen, change) {
  const box = el(
    "div",
    { class: "choice", role: "group", "aria-label": what },
    el("span", { class: "what", "aria-hidden": "true" }, what),
  );
  for (const [value, label] of options) {
    const b = el("button", { type: "button", "aria-pressed": String(value === chosen) }, label);
    b.addEventListener("click", () => {
      for (const other of box.querySelectorAll("button"))
        other.setAttribute("aria-pressed", String(other === b));
      change(value);
    });
    box.append(b);
  }
  return box;
}

// Redraws when the width or the colours change; printing is always on white.
const drawn = [];
function redrawn(element, draw) {
  let width = 0;
  const now = () => {
    if (element.clientWidth > 0) draw();
  };
  new ResizeObserver(() => {
    if (element.clientWidth !== width) {
      width = element.clientWidth;
      now();
    }
  }).observe(element);
  drawn.push(now);
}
function redrawAll() {
  for (const draw of drawn) draw();
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
addEventListener("beforeprint", () => {
  document.documentElement.classList.add("printing");
  redrawAll();
});
addEventListener("afterprint", () => {
  document.documentElement.classList.remove("printing");
  redrawAll();
});

// A part of the page that has nothing to show says why.
function nothing(section, why) {
  for (const e of section.querySelectorAll(":scope > :not(h2)")) e.remove();
  section.append(
    el("p", { class: "note" }, why[0].toUpperCase() + why.slice(1) + (/[.?]$/.test(why) ? "" : ".")),
  );
}

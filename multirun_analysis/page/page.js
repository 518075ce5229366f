"use strict";
// Tables are sorted by a click on a column's name: numbers by value, words by letter, what is missing last.
function compare(a, b) {
  if (a === "" || b === "") return (a === "") - (b === "");
  const x = Number(a), y = Number(b);
  return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
}
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
      const rows = [...table.tBodies[0].rows].map((row) => [value(row), row]);
      const missing = rows.filter(([v]) => v === ""), found = rows.filter(([v]) => v !== "");
      found.sort(([a], [b]) => (up ? compare(a, b) : compare(b, a)));
      table.tBodies[0].append(...[...found, ...missing].map(([, row]) => row));
    });
  });
}
// What has a value that is not checked is hidden: panels and marks of figures, entries of legends, rows and columns of tables.
const filters = document.getElementById("filters");
if (filters) {
  filters.hidden = false;
  const marked = [...document.querySelectorAll("[data-is]")].map((element) => [element, element.dataset.is.split("|")]);
  const form = filters.querySelector("form");
  const apply = () => {
    const off = new Set([...form.querySelectorAll("input:not(:checked)")].map((box) => box.value));
    for (const [element, values] of marked) element.classList.toggle("off", values.some((value) => off.has(value)));
  };
  form.addEventListener("change", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  form.reset(); // a browser may remember boxes
}
// A link to a folded part unfolds it, and nothing is folded on paper.
function unfold() {
  const part = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let parent = part; parent; parent = parent.parentElement) if (parent.tagName === "DETAILS") parent.open = true;
  if (part) part.scrollIntoView();
}
addEventListener("hashchange", unfold);
for (const link of document.querySelectorAll("nav a")) link.addEventListener("click", () => setTimeout(unfold));
unfold();
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  folded.forEach((part) => (part.open = true));
});
addEventListener("afterprint", () => folded.forEach((part) => (part.open = false)));
// What is said of a mark, on hover or touch of it or close beside it.
const tip = document.getElementById("tip"), near = [[0, 0]];
for (const far of [4, 8]) for (const [x, y] of [[0, 1], [1, 0], [0, -1], [-1, 0], [1, 1], [1, -1], [-1, 1], [-1, -1]]) near.push([far * x, far * y]);
function marker(event) {
  const direct = event.target.closest("[data-tip]");
  if (direct || !event.target.closest(".panel")) return direct;
  for (const [x, y] of near) {
    const beside = document.elementFromPoint(event.clientX + x, event.clientY + y)?.closest("[data-tip]");
    if (beside) return beside;
  }
  return null;
}
function show(event) {
  const mark = marker(event);
  tip.hidden = !mark;
  if (!mark) return;
  tip.textContent = mark.dataset.tip;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 12, innerWidth - box.width - 4))}px`;
  tip.style.top = `${event.clientY > box.height + 16 ? event.clientY - box.height - 12 : event.clientY + 16}px`;
}
for (const kind of ["pointerover", "pointermove", "pointerdown"]) document.addEventListener(kind, show);
addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });

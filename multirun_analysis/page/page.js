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
// The value of a marker, on hover or touch.
const tip = document.getElementById("tip");
function show(event) {
  const marker = event.target.closest("[data-tip]");
  tip.hidden = !marker;
  if (!marker) return;
  tip.textContent = marker.dataset.tip;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 12, innerWidth - box.width - 4))}px`;
  tip.style.top = `${Math.max(4, event.clientY - box.height - 12)}px`;
}
document.addEventListener("pointerover", show);
document.addEventListener("pointerdown", show);

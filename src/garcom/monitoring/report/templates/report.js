"use strict";
const value = (row, i) => {
  const cell = row.cells[i];
  return cell.dataset.v === undefined ? cell.textContent.trim().toLowerCase() : Number(cell.dataset.v || "-Infinity");
};
for (const table of document.querySelectorAll("table.sorts")) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, i) => {
    if (!head.textContent.trim()) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") !== "descending";
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const order = (a, b) => a === b ? 0 : a > b ? 1 : -1;
      body.append(...[...body.rows].sort((a, b) => order(value(a, i), value(b, i)) * (falling ? -1 : 1)));
    });
  });
}
const tools = document.querySelector(".tools");
if (tools) {
  const words = tools.querySelector("[type=search]"), only = tools.querySelector("[type=checkbox]");
  const choose = () => {
    const wanted = words.value.trim().toLowerCase();
    for (const each of document.querySelectorAll("[data-column]")) {
      const fits = each.dataset.column.toLowerCase().includes(wanted);
      each.hidden = !fits || (only.checked ? each.dataset.state !== "bad" : false);
    }
  };
  tools.hidden = false;
  words.addEventListener("input", choose);
  only.addEventListener("change", choose);
}

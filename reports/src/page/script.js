// Sorting and highlighting. Filters are CSS rules; the page is complete without this script.
"use strict";
(() => {
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.raw ?? cell.textContent.trim();
  };
  const compare = (column, numeric, sign) => (a, b) => {
    const [x, y] = [value(a, column), value(b, column)];
    // Cells without a value stay at the end in both directions.
    if (x === "" || y === "") return (x === "") - (y === "");
    return sign * (numeric ? Number(x) - Number(y) : x.localeCompare(y));
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const rising = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", rising ? "ascending" : "descending");
        const body = table.tBodies[0];
        const order = compare(column, head.classList.contains("n"), rising ? 1 : -1);
        body.append(...[...body.rows].sort(order));
      });
    });
  }

  const seriesOf = (target) => {
    const row = target.closest?.("tr[data-series]");
    if (row) return row.dataset.series;
    const mark = target.closest?.("svg .m");
    return mark && /(?:^| )s(\d+)/.exec(mark.getAttribute("class"))?.[1];
  };
  let lit;
  const light = (series) => {
    if (series === lit) return;
    lit = series;
    document.body.classList.toggle("lit-one", series != null);
    for (const old of document.querySelectorAll(".lit")) old.classList.remove("lit");
    if (series == null) return;
    for (const mark of document.querySelectorAll(`svg .s${series}, tr[data-series="${series}"]`)) mark.classList.add("lit");
  };
  document.addEventListener("pointerover", (event) => light(seriesOf(event.target)));
})();

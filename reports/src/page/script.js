// Exploring: sorting, values of points, search, pinned series, a baseline, downloads, and a state that lives in the
// fragment. The form for advice is `advice.js`. Filters of the table are CSS rules; the page is complete without this script.
"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };
  const button = (text, act, properties = {}) => make("button", { type: "button", onclick: act, ...properties }, text);
  const isShown = (element) => element.getClientRects().length > 0;
  // The drawing of a plot in the shape of this window.
  const drawnOf = (plot) => all("svg", plot).find(isShown);
  const labels = JSON.parse(document.getElementById("series").textContent);

  // Sorting.
  const raw = (cell) => cell.dataset.raw ?? cell.textContent.trim();
  const compare = (column, numeric, sign) => (a, b) => {
    const [x, y] = [raw(a.cells[column]), raw(b.cells[column])];
    // Cells without a value stay at the end in both directions.
    if (x === "" || y === "") return (x === "") - (y === "");
    return sign * (numeric ? Number(x) - Number(y) : x.localeCompare(y));
  };
  for (const table of all("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const sort = () => {
        const rising = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", rising ? "ascending" : "descending");
        const body = table.tBodies[0];
        body.append(...[...body.rows].sort(compare(column, head.classList.contains("n"), rising ? 1 : -1)));
      };
      const by = button("", sort);
      by.append(...head.childNodes);
      head.append(by);
    });
  }

  // State: what is searched, pinned and compared with, and the radio buttons.
  const radios = all(".filters input[type=radio]");
  const asked = all(".ask :is(select, input)");
  const given = (field) => (field.type === "checkbox" ? (field.checked ? "1" : "") : field.value);
  const preset = new Map(asked.map((field) => [field, given(field)]));
  const give = (value) => {
    for (const field of asked) {
      const text = value(field) ?? preset.get(field);
      if (field.type === "checkbox") field.checked = text === "1";
      else field.value = text;
      if (field.value === "") field.value = preset.get(field);
    }
    for (const form of all(".ask")) form.dispatchEvent(new Event("input"));
  };
  const usual = new Map(radios.filter((radio) => radio.checked).map((radio) => [radio.name, radio.id]));
  const state = { find: "", pins: new Set(), only: false, base: "" };
  const box = document.getElementById("explore");
  const [find, base, only, pinned] = ["find", "base", "only", "pinned"].map((id) => document.getElementById(id));
  const rows = all("table.headline tbody tr[data-series]");

  const words = () => state.find.toLowerCase().split(/\s+/).filter(Boolean);
  const kindOf = new Map(rows.map((row) => [Number(row.dataset.series), row.dataset.kind]));
  const chosen = (name) => radios.find((radio) => radio.name === name && radio.checked)?.id ?? `${name}-all`;
  const isOut = (label, index) => {
    const kind = chosen("kind").slice("kind-".length);
    return !words().every((word) => label.toLowerCase().includes(word))
      || (state.only && state.pins.size > 0 && !state.pins.has(index))
      || (kind !== "all" && kindOf.has(index) && kindOf.get(index) !== kind);
  };
  const sheet = document.head.appendChild(document.createElement("style"));
  const dim = document.head.appendChild(document.createElement("style"));
  const set = (rules, text) => { if (rules.textContent !== text) rules.textContent = text; };
  const light = (indices) => {
    const [marks, lines] = [(i) => `.s${i}`, (i) => `[data-series="${i}"]`].map((of) => indices.map(of).join(","));
    set(dim, indices.length === 0 ? ""
      : `svg .m:not(${marks}){opacity:.12} tbody tr[data-series]:not(${lines}){opacity:.45}`);
  };
  const lightPins = () => light(state.only ? [] : [...state.pins]);

  const ratios = () => {
    all(".ratio").forEach((ratio) => ratio.remove());
    const place = (row) => `${row.dataset.size} ${row.dataset.placement}`;
    const bases = new Map(rows.filter((row) => labels[row.dataset.series] === state.base).map((row) => [place(row), row]));
    for (const row of rows) {
      const against = bases.get(place(row));
      if (!against) continue;
      [...row.cells].forEach((cell, column) => {
        const [own, other] = [cell, against.cells[column]].map((cell) => Number(cell.dataset.raw));
        if (cell.classList.contains("of") || !(own > 0) || !(other > 0)) return;
        const times = own / other;
        const text = times >= 100 ? times.toFixed(0) : times >= 10 ? times.toFixed(1) : times.toFixed(2);
        cell.append(make("span", { className: "ratio", textContent: `${text}×` }));
      });
    }
  };
  const apply = () => {
    const out = labels.flatMap((label, index) => (isOut(label, index) ? [index] : []));
    set(sheet, out.length === 0 ? "" : `${out.map((i) => `svg .s${i},tr[data-series="${i}"]`).join(",")}{display:none}`);
    const place = chosen("placement").slice("placement-".length);
    const moved = usual.get("placement") !== chosen("placement") && place !== "all";
    for (const section of all("section[id^=on-]")) section.hidden = moved && section.id !== `on-${place}`;
    find.value = state.find;
    base.value = state.base;
    only.checked = state.only;
    only.disabled = state.pins.size === 0;
    pinned.replaceChildren(...[...state.pins].map((index) => {
      const text = [make("i", { className: `swatch dot s${index}` }), labels[index], " ×"];
      const free = button("", () => pin(index), { title: `Unpin ${labels[index]}` });
      free.append(...text);
      return free;
    }));
    for (const name of all("button.pin")) name.setAttribute("aria-pressed", state.pins.has(Number(name.dataset.of)));
    ratios();
    lightPins();
  };

  // The fragment: `#place?find=spin&pin=pipe%2Fblock`.
  const split = () => {
    const [place, query = ""] = location.hash.slice(1).split("?");
    return [place, new URLSearchParams(query)];
  };
  const write = () => {
    const query = new URLSearchParams();
    if (state.find) query.set("find", state.find);
    for (const index of state.pins) query.append("pin", labels[index]);
    if (state.only) query.set("only", "1");
    if (state.base) query.set("base", state.base);
    for (const radio of radios) if (radio.checked && usual.get(radio.name) !== radio.id) query.append("show", radio.id);
    for (const field of asked) if (given(field) !== preset.get(field)) query.set(field.name, given(field));
    const text = query.toString();
    history.replaceState(null, "", `#${split()[0]}${text ? `?${text}` : ""}`);
  };
  const read = () => {
    const [place, query] = split();
    state.find = query.get("find") ?? "";
    state.pins = new Set(query.getAll("pin").map((label) => labels.indexOf(label)).filter((index) => index >= 0));
    state.only = query.has("only");
    state.base = labels.includes(query.get("base")) ? query.get("base") : "";
    for (const id of query.getAll("show")) radios.filter((radio) => radio.id === id).forEach((radio) => { radio.checked = true; });
    give((field) => query.get(field.name));
    apply();
    const target = place && document.getElementById(place);
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    if (target && location.hash.includes("?")) target.scrollIntoView();
  };
  const change = () => { apply(); write(); };
  const pin = (index) => {
    if (!state.pins.delete(index)) state.pins.add(index);
    if (state.pins.size === 0) state.only = false;
    change();
  };
  addEventListener("hashchange", () => {
    // A link to a part of the page has no state of its own and keeps the present one.
    if (location.hash.includes("?")) read();
    else write();
  });
  find.addEventListener("input", () => { state.find = find.value; change(); });
  base.addEventListener("change", () => { state.base = base.value; change(); });
  only.addEventListener("change", () => { state.only = only.checked; change(); });
  radios.forEach((radio) => radio.addEventListener("change", change));
  asked.forEach((field) => field.addEventListener("input", write));
  document.getElementById("clear").addEventListener("click", () => {
    Object.assign(state, { find: "", pins: new Set(), only: false, base: "" });
    for (const radio of radios) radio.checked = usual.get(radio.name) === radio.id;
    give(() => undefined);
    change();
  });
  const inTable = new Set(rows.map((row) => labels[row.dataset.series]));
  base.append(...labels.filter((label) => inTable.has(label)).map((label) => make("option", { textContent: label })));
  base.parentElement.hidden = inTable.size === 0;
  for (const row of all("tr[data-series] > th")) {
    const index = Number(row.parentElement.dataset.series);
    const name = button("", () => pin(index), { className: "pin", title: "Pin this series in all charts" });
    name.dataset.of = index;
    name.append(...row.childNodes);
    row.append(name);
  }
  box.hidden = labels.length === 0;

  // Series under the pointer, and pinning by its name.
  const seriesOf = (target) => {
    const row = target.closest?.("tr[data-series]");
    if (row) return Number(row.dataset.series);
    const mark = target.closest?.("svg .m");
    const found = mark && /(?:^| )s(\d+)/.exec(mark.getAttribute("class"));
    return found ? Number(found[1]) : undefined;
  };
  document.addEventListener("pointerover", (event) => {
    const series = seriesOf(event.target);
    if (series === undefined) lightPins();
    else light([...state.pins, series]);
  });
  document.addEventListener("click", (event) => {
    const series = event.target.closest?.("svg text") && seriesOf(event.target);
    if (typeof series === "number") pin(series);
  });

  // Values of points: under the pointer, on a tap, and by the arrow keys.
  const tip = document.body.appendChild(make("div", { id: "tip", hidden: true }));
  const spoken = document.body.appendChild(make("div", { className: "quiet" }));
  spoken.setAttribute("role", "status");
  const NEAR = 26;
  const pointsOf = (svg) => all("g.o > *, :not(g).o", svg);
  const shownPointsOf = (svg) => pointsOf(svg).filter(isShown);
  const middle = (point) => {
    const { left, top, width, height } = point.getBoundingClientRect();
    return [left + width / 2, top + height / 2];
  };
  const far = (point, x, y) => {
    const { left, right, top, bottom } = point.getBoundingClientRect();
    return Math.hypot(Math.max(left - x, 0, x - right), Math.max(top - y, 0, y - bottom));
  };
  let marked;
  const hide = () => {
    marked?.classList.remove("on");
    marked = undefined;
    tip.hidden = true;
  };
  const show = (plot, svg, point) => {
    if (point === marked) return;
    hide();
    marked = point;
    point.classList.add("on");
    const index = pointsOf(svg).indexOf(point);
    const series = seriesOf(point);
    const value = JSON.parse(plot.querySelector("script").textContent)[index];
    tip.replaceChildren(...(series === undefined ? [] : [make("b", { textContent: labels[series] })]), value);
    spoken.textContent = tip.textContent;
    tip.hidden = false;
    const [x, y] = middle(point);
    const left = Math.min(Math.max(x - tip.offsetWidth / 2, 6), document.documentElement.clientWidth - tip.offsetWidth - 6);
    const above = y - tip.offsetHeight - 12;
    tip.style.left = `${left + scrollX}px`;
    tip.style.top = `${(above > 4 ? above : y + 14) + scrollY}px`;
  };
  for (const plot of all(".plot")) {
    const nearest = (event, within) => {
      const svg = drawnOf(plot);
      if (!svg) return;
      const each = shownPointsOf(svg).map((point) => [far(point, event.clientX, event.clientY), point]);
      const best = each.reduce((a, b) => (b[0] < a[0] ? b : a), [Infinity]);
      if (best[0] <= within) show(plot, svg, best[1]);
      else hide();
    };
    if (pointsOf(plot).length > 0) {
      plot.tabIndex = 0;
      plot.setAttribute("role", "group");
      plot.setAttribute("aria-label", "Points of the chart: arrow keys read their values");
    }
    plot.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") nearest(event, NEAR); });
    plot.addEventListener("click", (event) => nearest(event, 2 * NEAR));
    plot.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") hide(); });
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", (event) => {
      if (event.key === "Escape") return hide();
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const svg = drawnOf(plot);
      const points = step && svg ? shownPointsOf(svg) : [];
      if (points.length === 0) return;
      event.preventDefault();
      const at = points.indexOf(marked);
      show(plot, svg, points[at < 0 ? (step > 0 ? 0 : points.length - 1) : (at + step + points.length) % points.length]);
    });
  }

  // Downloads.
  const save = (name, blob) => {
    const link = make("a", { download: name, href: URL.createObjectURL(blob) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  const LOOKS = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "paint-order",
    "opacity", "font-family", "font-size", "font-weight", "text-anchor"];
  const drawing = (plot) => {
    const svg = drawnOf(plot);
    const copy = svg.cloneNode(true);
    const [own, copied] = [all("*", svg), all("*", copy)];
    own.forEach((element, index) => {
      const style = getComputedStyle(element);
      if (style.display === "none") copied[index].setAttribute("display", "none");
      else if (!/^(title|desc)$/.test(element.tagName)) {
        for (const look of LOOKS) copied[index].setAttribute(look, style.getPropertyValue(look));
      }
      copied[index].removeAttribute("class");
    });
    const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
    const ground = document.createElementNS(svg.namespaceURI, "rect");
    const paper = getComputedStyle(document.body).backgroundColor;
    for (const [name, value] of Object.entries({ width, height, fill: paper })) ground.setAttribute(name, value);
    copy.prepend(ground);
    copy.setAttribute("width", width / 10);
    copy.setAttribute("height", height / 10);
    return { text: new XMLSerializer().serializeToString(copy), width: width / 10, height: height / 10 };
  };
  const asSvg = (plot, name) => save(`${name}.svg`, new Blob([drawing(plot).text], { type: "image/svg+xml" }));
  const asPng = async (plot, name) => {
    const { text, width, height } = drawing(plot);
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    await image.decode();
    const canvas = make("canvas", { width: 2 * width, height: 2 * height });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => save(`${name}.png`, blob));
  };
  for (const plot of all(".plot")) {
    const name = plot.closest("figure")?.id ?? "chart";
    const buttons = [["SVG", asSvg], ["PNG", asPng]].map(([kind, act]) =>
      button(`Save as ${kind}`, () => act(plot, name), { className: "save" }));
    plot.after(make("p", { className: "download" }, ...buttons));
  }
  const inflated = async (packed) => {
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return new Response(stream).blob();
  };
  for (const place of all("p[data-csv]")) {
    const download = async () => save(`${place.dataset.name}.csv`, await inflated(place.dataset.csv));
    place.append(button("Save as CSV", download, { className: "save" }));
  }
  const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const text = (cell) => {
    const copy = cell.cloneNode(true);
    all("small, .ratio", copy).forEach((extra) => extra.remove());
    return copy.textContent.trim();
  };
  for (const table of all("table.headline")) {
    const csv = () => [...table.rows].map((row) => [...row.cells].map((cell) => quoted(cell.dataset.raw ?? text(cell))).join(","));
    const download = () => save("results.csv", new Blob([`${csv().join("\n")}\n`], { type: "text/csv" }));
    const place = make("p", { className: "download" }, button("Save as CSV", download, { className: "save" }));
    table.parentElement.after(place);
  }

  // A print has all tables.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all("details:not([open])");
    folded.forEach((fold) => { fold.open = true; });
  });
  addEventListener("afterprint", () => folded.forEach((fold) => { fold.open = false; }));

  read();
  for (const form of all(".ask")) ask(form, make, inflated);
})();

// The form: takes Rust's advice at the chosen point, applies the limits and orders what is left, as `advise/rank.rs` does;
// `tests/browser/advice.mjs` compares the two.
"use strict";
const FEW = 8;
const BEHIND = 1.5;
const ask = async (form, make, inflated) => {
  const { is_rate: isRate, points } = JSON.parse(await (await inflated(form.dataset.points)).text());
  const [body, said, all, out, others] = ["tbody", "output", ".all", "details", "ul"].map((selector) => form.querySelector(selector));
  const command = form.nextElementSibling.querySelector("code");
  const fields = [...form.querySelectorAll("[data-axis]")];
  const given = (name) => form.elements[`${form.dataset.family}-${name}`];
  const limit = (name) => (given(name)?.value > 0 ? Number(given(name).value) : undefined);
  const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

  // A span is sure if both ends are known; `null` is an unknown upper end.
  const high = (span) => span.high ?? Infinity;
  const isSure = (span) => span.low > 0 && span.high !== null;
  // Doubts that the limits add to a row, or why it is ruled out.
  const judge = (one, p99, cpus, crash) => {
    const doubts = [...one.doubts];
    if (p99) {
      const above = [one.p99, isRate ? undefined : one.typical].find((span) => span?.low > p99 * 1000);
      if (above) return { why: `p99 above ${p99} µs`, detail: above.ends };
      if (!one.p99) doubts.push("p99 unknown");
      else if (high(one.p99) > p99 * 1000) doubts.push(`p99 ${one.p99.unsure}`);
    }
    if (cpus) {
      const most = count(cpus, "CPU");
      if (one.cpus?.low > cpus) return { why: `needs more than ${most}`, detail: one.cpus.ends === most ? "" : one.cpus.ends };
      if (!one.cpus) doubts.push("CPU time unknown");
      else if (high(one.cpus) > cpus) doubts.push(`CPUs ${one.cpus.unsure}`);
    }
    if (crash && one.survives === false) return { why: "does not survive a crash", detail: one.dies };
    if (crash && one.survives === undefined) doubts.push(`after a crash: ${one.dies}`);
    return { doubts };
  };

  // Sure rows first, by the worse end of their interval; doubtful ones by their value.
  const sign = isRate ? -1 : 1;
  const value = (one) => (one.typical ? sign * one.typical.value : Infinity);
  const place = (one) => {
    if (!one.typical || one.doubts.length > 0) return value(one);
    return sign * (isRate ? one.typical.low : high(one.typical));
  };
  const order = (a, b) => (a.doubts.length > 0) - (b.doubts.length > 0)
    || place(a) - place(b) || value(a) - value(b) || (a.row < b.row ? -1 : 1);
  const named = (rows) => rows.slice(0, 3).map((one) => one.row).join(", ")
    + (rows.length > 3 ? ` and ${rows.length - 3} more` : "");
  const answer = (rows, excluded, choices) => {
    const [first] = rows;
    if (!first) return `None of ${excluded.length} mechanisms meets the request.`;
    const best = `${first.row}: ${first.says}.`;
    if (first.doubts.length > 0) {
      return `Can't tell: no mechanism surely meets the request. Predicted best is ${best} In doubt: ${first.doubts.join("; ")}.`;
    }
    const ties = rows.filter((one) => one.tied && one.doubts.length === 0);
    const better = rows.filter((one) => one.doubts.length > 0 && value(one) < value(first));
    const perhaps = better.length > 0 ? ` Perhaps better, but in doubt: ${named(better)}.` : "";
    const farBetter = ({ typical: one }) => one && !(isSure(one) && one.measured && first.typical.measured)
      && (isRate ? first.typical.value * BEHIND < one.value : one.value * BEHIND < first.typical.value);
    if (rows.some(farBetter)) {
      const overlap = ties.length > 0 ? ` Predictions overlap with ${named(ties)}.` : "";
      return `Can't tell which is best. First is ${best}${overlap}${perhaps}`;
    }
    if (ties.length === 0) return `Use ${best}${perhaps}`;
    if ([first, ...ties].every((one) => one.typical.measured)) return `Use ${best} Statistically tied with ${named(ties)}.${perhaps}`;
    const choice = choices.find(([waits]) => rows.some((one) => one.waits === waits))?.[1];
    if (choice) return `Use ${best} Predictions overlap with ${named(ties)}; ${choice}.${perhaps}`;
    return `Can't tell which is best. First is ${best} Predictions overlap with ${named(ties)}.${perhaps}`;
  };

  const small = (text) => make("small", {}, text);
  const mark = (text, className) => make("span", { className }, text);
  const number = (span) => make("td", { className: "n" }, ...(span ? [span.shown, small(span.error)] : [make("b", {}, "–")]));
  const drawn = (one) => {
    const name = make("th", { scope: "row" }, one.row, small(one.waits));
    if (one.doubts.length > 0) name.append(mark("doubt", "v noisy"), small(one.doubts.join("; ")));
    else if (one.tied) name.append(mark("tied", "v"));
    const [main, ...more] = one.evidence.map((line) => make("div", {}, line));
    for (const line of more) line.className = "why";
    return make("tr", {}, name, number(one.typical), number(one.p99), number(one.cpus),
      make("td", { className: "long" }, one.dies + (one.declared ? " (declared)" : "")),
      make("td", { className: "long" }, main ?? "", ...more));
  };
  const show = () => {
    const point = points[fields.map((field) => field.value).join(",")];
    const [p99, cpus, crash] = [limit("p99"), limit("cpus"), given("crash")?.checked];
    const judged = point.rows.map((one) => ({ ...one, ...judge(one, p99, cpus, crash) }));
    const rows = judged.filter((one) => !one.why).sort(order);
    const excluded = [...point.excluded, ...judged.filter((one) => one.why)];
    const first = rows[0]?.typical;
    for (const one of rows.slice(1)) {
      const span = one.typical;
      one.tied = Boolean(first && span && isSure(first) && isSure(span) && first.low <= high(span) && span.low <= high(first));
    }
    said.textContent = answer(rows, excluded, point.choices);
    body.replaceChildren(...rows.map(drawn));
    all.hidden = rows.length <= FEW;
    all.nextElementSibling.textContent = `all ${rows.length} candidates`;
    out.hidden = excluded.length === 0;
    out.querySelector("summary").textContent = `${count(excluded.length, "mechanism")} ruled out`;
    excluded.sort((a, b) => (a.why === b.why ? (a.row < b.row ? -1 : 1) : a.why < b.why ? -1 : 1));
    others.replaceChildren(...excluded.map(({ row, why, detail }) =>
      make("li", {}, make("b", {}, row), `: ${why}${detail ? ` (${detail})` : ""}`)));
    const limits = [p99 && ` --p99-us ${p99}`, cpus && ` --max-cpu ${cpus}`, crash && " --must-survive-crash"].filter(Boolean);
    command.textContent = `ipcmark advise ${point.options}${limits.join("")} --measure 2m`;
  };
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  show();
};

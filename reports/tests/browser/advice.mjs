// Asks the form of a report what Rust was asked: node advice.mjs MODULES BROWSER PAGE REQUESTS SHOTS. Prints one line per
// difference and exits with 1.
import fs from "node:fs";
import { at, check, everyWindow, finish, open, rest } from "./drive.mjs";

const [asked, shots] = rest;
const requests = JSON.parse(fs.readFileSync(asked, "utf8"));
await everyWindow(".ask table", "#advice", shots && `${shots}/advice`);

const ready = (page) => page.waitForFunction(() => [...document.querySelectorAll(".ask")].every((form) => !form.hidden));
const told = (page, family) => page.locator(`.ask[data-family=${family}]`).evaluate((form) => {
  const text = (element) => element.textContent;
  return {
    answer: text(form.querySelector("output")),
    rows: [...form.querySelectorAll("tbody th")].map((head) => text(head.firstChild)),
    doubts: [...form.querySelectorAll("tbody th")].map((head) => head.querySelector(".noisy + small")?.textContent ?? ""),
    tied: [...form.querySelectorAll("tbody th")].map((head) => [...head.querySelectorAll(".v")].some((mark) => text(mark) === "tied")),
    excluded: [...form.querySelectorAll("details li")].map(text),
    command: text(form.nextElementSibling.querySelector("code")),
  };
});
const same = async (page, request, how) => {
  const found = await told(page, request.family);
  for (const [part, wanted] of Object.entries(request.told)) {
    check(JSON.stringify(found[part]) === JSON.stringify(wanted),
      `${how} ${request.told.command}: ${part}\n  page: ${JSON.stringify(found[part])}\n  Rust: ${JSON.stringify(wanted)}`);
  }
};

// Each request, field by field.
const page = await open(at(1000));
await ready(page);
for (const request of requests) {
  // The form does not ask for what no row has, such as what happens in a crash.
  const absent = [];
  for (const [name, value] of Object.entries(request.fields)) {
    if (value !== "" && await page.locator(`[name="${name}"]`).count() === 0) absent.push(name);
    await page.evaluate(([name, value]) => {
      const field = document.querySelector(`[name="${name}"]`);
      if (!field) return;
      if (field.type === "checkbox") field.checked = value === "1";
      else field.value = value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }, [name, value]);
  }
  check(absent.every((name) => name.endsWith("-crash")), `the form does not ask for ${absent}`);
  if (absent.length === 0) await same(page, request, "asked");
}
await page.context().close();

// The last request by keys alone, then by its address, then none after a reset.
const last = requests.at(-1);
const keys = await open(at(1000));
await ready(keys);
await keys.locator("#advice .here").focus();
const fields = new Map(Object.entries(last.fields));
for (let steps = 0; fields.size > 0 && steps < 100; steps += 1) {
  await keys.keyboard.press("Tab");
  const at = await keys.evaluate(() => ({ name: document.activeElement.name, type: document.activeElement.type }));
  const value = fields.get(at.name);
  if (value === undefined) continue;
  fields.delete(at.name);
  if (at.type === "checkbox") { if (value === "1") await keys.keyboard.press("Space"); }
  else if (at.type === "number") await keys.keyboard.type(value);
  else {
    await keys.keyboard.press("Home");
    for (let at = 0; at < 20 && await keys.evaluate(() => document.activeElement.value) !== value; at += 1) await keys.keyboard.press("ArrowDown");
  }
}
const fixed = await keys.$$eval(".ask input[type=hidden]", (all) => all.map((field) => field.name));
check([...fields].every(([name, value]) => value === "" || fixed.includes(name)), `not reached by keys: ${[...fields.keys()]}`);
await same(keys, last, "by keys");
const address = keys.url();
const again = await open(at(400), address.slice(address.indexOf("#")));
await ready(again);
await same(again, last, "by its address");
const folded = again.locator(`.ask[data-family=${last.family}] details`);
if (await folded.isVisible()) check(!(await folded.evaluate((fold) => fold.open)), "the reasons are not folded");
await again.context().close();
await keys.click("#clear");
check(!keys.url().includes("?"), "reset leaves the request in the address");
await same(keys, requests[0], "after a reset");
await keys.context().close();

// Without scripts: no form, but the command.
const plain = await open(at(1000, { javaScriptEnabled: false }));
check(await plain.locator(".ask").first().isHidden(), "a form without its script");
check((await plain.locator("#advice code").first().innerText()).startsWith("ipcmark advise "), "no command");
await plain.context().close();
await finish();

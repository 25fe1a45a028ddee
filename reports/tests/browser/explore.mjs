// Drives the report in Chromium: node explore.mjs MODULES BROWSER PAGE SHOTS. Prints one line per failure and exits with 1.
import fs from "node:fs";
import { at, check, everyWindow, file, finish, open, rest } from "./drive.mjs";

const [shots] = rest;
await everyWindow("table.headline", "html", shots && `${shots}/page`);

const page = await open(at(1600, { acceptDownloads: true }));
const landmarks = await page.evaluate(() => ["header", "nav", "main"].map((name) => document.querySelectorAll(`body > ${name}`).length));
check(String(landmarks) === "1,1,1", `landmarks: ${landmarks}`);

// Values of points: hover, keys, and a tap.
const plot = page.locator(".plot").first();
await plot.scrollIntoViewIfNeeded();
const tip = page.locator("#tip");
const point = plot.locator(".wide :is(g.o > *, :not(g).o)").nth(1);
await point.hover({ force: true });
check(await tip.isVisible() && /\d/.test(await tip.textContent()), "hover shows no value");
const first = await page.evaluate(() => JSON.parse(document.querySelector(".plot script").textContent).length);
check(first === await plot.locator(".wide :is(g.o > *, :not(g).o)").count(), "a value for each point");
await page.mouse.move(2, 2);
check(await tip.isHidden(), "the value stays when the pointer leaves");
await plot.focus();
await page.keyboard.press("ArrowRight");
const one = await tip.textContent();
await page.keyboard.press("ArrowRight");
check(await tip.isVisible() && one !== await tip.textContent(), "arrow keys do not walk the points");
await page.keyboard.press("Escape");
check(await tip.isHidden(), "Escape keeps the value");
check((await page.locator("[role=status]").textContent()).length > 0, "nothing for screen readers");

// Search, pins, isolation, baseline, and the address.
const rows = page.locator("table.headline tbody tr");
const shown = () => rows.evaluateAll((all) => all.filter((row) => row.getClientRects().length > 0).length);
const before = await shown();
await page.fill("#find", "spin");
check(await shown() < before && await shown() > 0, "the search leaves all rows");
check(await rows.evaluateAll((all) => all.every((row) => row.getClientRects().length === 0 || row.textContent.includes("spin"))), "the search leaves other rows");
const marks = await page.$$eval(".plot svg .m", (all) => all.filter((mark) => getComputedStyle(mark).display === "none").length);
check(marks > 0, "the search does not reach the charts");
check(page.url().includes("find=spin"), "the search is not in the address");
await page.fill("#find", "");
const name = rows.locator("button.pin:visible").first();
const label = (await name.evaluate((button) => button.querySelector("span").firstChild.textContent)).trim();
await name.focus();
await page.keyboard.press("Enter");
check(await name.getAttribute("aria-pressed") === "true" && page.url().includes("pin="), "a name cannot be pinned by keys");
await page.check("#only");
check(await rows.evaluateAll((all, label) => all.every((row) => row.getClientRects().length === 0 || row.textContent.includes(label)), label), "other rows beside the pinned one");
await page.uncheck("#only");
await page.selectOption("#base", label);
const same = await name.locator("xpath=ancestor::tr").locator(".ratio").allTextContents();
check(same.length > 0 && same.every((text) => text === "1.00×"), `the baseline against itself: ${same}`);
const kept = page.url();
check(kept.includes("base="), "the baseline is not in the address");
const again = await open(at(1600), kept.slice(kept.indexOf("#")));
check(await again.inputValue("#base") === label && await again.locator("#pinned button").count() === 1, "the address does not restore the state");
await again.context().close();
await page.click("#clear");
check(!page.url().includes("?") && await page.locator(".ratio").count() === 0, "reset leaves something");
await page.check("#whys-results", { force: true });
check(await rows.locator(".why:visible").count() > 0, "intervals are not shown");

// Sorting, links and downloads.
await page.locator("table.headline th button").nth(5).click();
check(await page.locator("table.headline th[aria-sort]").count() === 1, "sorting");
check(await page.locator(".here").count() > 5, "headings have no links");
const saved = async (button) => {
  const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
  return [download.suggestedFilename(), fs.readFileSync(await download.path())];
};
const figure = page.locator("figure.chart").filter({ has: page.locator(".plot") }).first();
const [svgName, svg] = await saved(figure.getByText("Save as SVG"));
check(svgName.endsWith(".svg") && svg.toString().startsWith("<svg xmlns=") && !svg.includes("var(--"), `SVG: ${svg.toString().slice(0, 80)}`);
const [, png] = await saved(figure.getByText("Save as PNG"));
check(png.subarray(1, 4).toString() === "PNG" && png.length > 5_000, "PNG");
await figure.locator("details").last().evaluate((fold) => { fold.open = true; });
const [, csv] = await saved(figure.getByText("Save as CSV"));
check(csv.toString().split("\n").length > 2 && csv.toString().includes(","), "CSV of a chart");
const [, main] = await saved(page.locator("#results .save").first());
check(main.toString().startsWith("Mechanism,"), `CSV of the table: ${main.toString().slice(0, 80)}`);

// Print: tables are open and figures whole.
await page.emulateMedia({ media: "print" });
const hidden = await page.$$eval("figure details table", (tables) => tables.filter((table) => table.getClientRects().length === 0).length);
check(hidden === 0, `print hides ${hidden} tables`);
if (shots) await page.pdf({ path: `${shots}/print.pdf`, format: "A4" });
await page.context().close();

// A tap, on a phone.
const phone = await open(at(400, { hasTouch: true, isMobile: true }));
const small = phone.locator(".plot").first().locator(".narrow :is(g.o > *, :not(g).o)").nth(1);
await small.scrollIntoViewIfNeeded();
await small.tap({ force: true });
check(await phone.locator("#tip").isVisible(), "a tap shows no value");
await phone.context().close();

// Without scripts: filters work, intervals can be shown, nothing dead is on the page.
const plain = await open(at(1000, { javaScriptEnabled: false }));
check(await plain.locator("#explore").isHidden(), "tools without their script");
const all = plain.locator("table.headline tbody tr:visible");
const some = await all.count();
await plain.locator("label[for=size-all]").click();
check(await all.count() > some, "a filter needs the script");
await plain.locator("label[for=whys-results]").click();
check(await plain.locator(".why:visible").count() > 0, "intervals need the script");
await plain.context().close();

// Time until the page answers.
const timed = await open(at(1000));
const ready = await timed.evaluate(() => performance.getEntriesByType("navigation")[0].domInteractive);
console.log(`bytes ${fs.statSync(file).size}, interactive after ${Math.round(ready)} ms`);
await finish();

// What all scripts here share: a page in Chromium that must neither log nor ask for anything, and the checks of every window.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import fs from "node:fs";

const [modules, executablePath, page, ...more] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { chromium } = require("playwright-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
export const file = page;
export const rest = more;
export const failures = [];
export const check = (holds, what) => { if (!holds) failures.push(what); };

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
export const open = async (options, fragment = "") => {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const name = `${options.viewport.width} ${options.colorScheme ?? "light"}`;
  page.on("console", (message) => failures.push(`${name}: console: ${message.text()}`));
  page.on("pageerror", (error) => failures.push(`${name}: ${error}`));
  page.on("request", (request) => { if (!/^(file|data|blob):/.test(request.url())) failures.push(`${name}: request of ${request.url()}`); });
  await page.goto(pathToFileURL(file).href + fragment);
  return page;
};
export const at = (width, more = {}) => ({ viewport: { width, height: 900 }, ...more });

// Every window, in light and dark: nothing overflows, tables of this kind fit, and no rule of WCAG A or AA is broken.
export const everyWindow = async (tables, within, picture) => {
  for (const width of [400, 1000, 1600]) {
    for (const colorScheme of ["light", "dark"]) {
      const page = await open(at(width, { colorScheme }));
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      check(wide <= width, `${width}: the page is ${wide} pixels wide`);
      const clipped = await page.$$eval(tables, (tables) => tables.map((table) => table.parentElement)
        .filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => `${box.ariaLabel} by ${box.scrollWidth - box.clientWidth}`));
      check(clipped.length === 0, `${width}: clipped: ${clipped}`);
      await page.evaluate(axe);
      const rules = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] };
      const { violations } = await page.evaluate(([within, rules]) => axe.run(within, rules), [within, rules]);
      for (const { id, nodes } of violations) {
        failures.push(`${width} ${colorScheme}: axe ${id}: ${nodes.length}, such as ${nodes[0].html.slice(0, 120)} ${nodes[0].failureSummary?.split("\n")[1] ?? ""}`);
      }
      if (picture) await page.locator(within).screenshot({ path: `${picture}-${width}-${colorScheme}.png` });
      await page.context().close();
    }
  }
};

export const finish = async () => {
  await browser.close();
  failures.forEach((failure) => console.log(`failed: ${failure}`));
  process.exit(failures.length > 0 ? 1 : 0);
};

/**
 * Takes pictures of pages at three widths, in light and dark.
 *
 * Arguments: the folder, and the paths of pages; without paths every page that an administrator reaches by links, one of
 * each route, and the sign-in.
 */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Visitor, launch, signedIn } from "./browser.mjs";
import { crawl, pattern } from "./crawl.mjs";
import { isRunning, running, start } from "./dev.mjs";

/** Pixels: a phone, a small window, a screen. */
const WIDTHS = [390, 1024, 1920];

const [folder, ...named] = process.argv.slice(2);
if (folder === undefined) throw new Error("name the folder for the pictures");
await mkdir(folder, { recursive: true });

const { dev, stop } = isRunning() ? { dev: running(), stop: async () => {} } : await start();
try {
  const browser = await launch();
  const visitor = await signedIn(browser, dev, "administrator");
  for (const path of named.length > 0 ? named : await crawl(visitor)) await take(visitor, path);
  if (named.length === 0) await take(await Visitor.open(browser, dev), "/sign-in");
  await browser.close();
} finally {
  await stop();
}

/**
 * Takes the pictures of a page.
 *
 * @param {Visitor} visitor
 * @param {string} path
 */
async function take(visitor, path) {
  const { page } = visitor;
  const [route = ""] = pattern(path).split("?");
  const name = route.replaceAll("{}", "id").split("/").filter(Boolean).join("-") || "queue";
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 1000 });
    for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
      await page.emulateMedia({ colorScheme });
      await visitor.go(path);
      await page.screenshot({ path: join(folder ?? "", `${name}-${width}-${colorScheme}.png`), fullPage: true });
    }
  }
  // A picture of a page that is wrong is still of use.
  for (const fault of new Set(visitor.faults.splice(0))) console.error(`${path}: ${fault}`);
  console.log(`${path}: ${name}`);
}

/** The packages that `cargo xtask tools` has installed, and the executables that the tests start. */

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the work tree. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The folder of the pinned tools. */
export const TOOLS = join(ROOT, ".tools");

// The packages are outside of the tree's own folders, where Node would not look for them.
const installed = createRequire(join(TOOLS, "pages/package.json"));

/** @type {typeof import("playwright-core")} */
export const playwright = installed("playwright-core");

/** @type {typeof import("@axe-core/playwright")} */
export const { AxeBuilder } = installed("@axe-core/playwright");

/**
 * The path of an executable in `target/debug`.
 *
 * @param {string} name
 */
export function built(name) {
  const path = join(ROOT, "target/debug", name);
  if (!existsSync(path)) throw new Error(`${path}: \`cargo build -p orgwatchd -p orgwatch\` builds it`);
  return path;
}

/** The path of the browser: what `CHROMIUM` names, or Debian's. */
export function chromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const paths = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "chromium"));
  const found = paths.find(existsSync);
  if (!found) throw new Error("no chromium on PATH: install it, or name one in CHROMIUM");
  return found;
}

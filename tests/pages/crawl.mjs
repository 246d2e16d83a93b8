/** Finds the pages that links lead to. */

import { Visitor } from "./browser.mjs";

/** The most pages that are visited; more are an error, since the pages of one pattern are visited once. A choice. */
const BOUND = 60;

/**
 * The route of a path: parts that name a thing are left open.
 *
 * @param {string} path
 */
export function pattern(path) {
  const [first = "", ...rest] = path.split("/").slice(1);
  // Parts that are words of the route are lower-case, without digits.
  const parts = rest.map((part) => (/^[a-z]+(-[a-z]+)*$/.test(part) ? part : "{}"));
  return `/${[first, ...parts].join("/")}`;
}

/**
 * Follows the links of pages from `/` on. Returns a path of each route pattern, the first that is found. What goes wrong
 * on the pages stays in `faults`.
 *
 * @param {Visitor} visitor
 * @returns {Promise<string[]>}
 */
export async function crawl(visitor) {
  /** @type {Map<string, string>} */
  const found = new Map([["/", "/"]]);
  // The map grows meanwhile.
  for (const path of found.values()) {
    await visitor.go(path);
    for (const url of await linked(visitor)) {
      const route = pattern(url.pathname);
      if (!found.has(route)) found.set(route, url.pathname + url.search);
    }
    if (found.size > BOUND) throw new Error(`more than ${BOUND} kinds of pages: ${[...found.keys()].join(" ")}`);
  }
  return [...found.values()];
}

/**
 * The pages of the console to which a page links.
 *
 * @param {Visitor} visitor
 */
async function linked({ page, origin }) {
  const links = page.locator("a[href]:not([download])");
  // Links of graphics have another `href` than those of text, so the attribute is read.
  const hrefs = await links.evaluateAll((all) => all.map((link) => link.getAttribute("href") ?? ""));
  const urls = hrefs.map((href) => new URL(href, page.url()));
  // The API answers with no pages.
  return urls.filter((url) => url.origin === origin && !url.pathname.startsWith("/v1/"));
}

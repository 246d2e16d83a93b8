/** What must not happen on a page fails the tests: seen on pages that are wrong on purpose. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { extname } from "node:path";
import { after, test } from "node:test";
import { Visitor, axe, heading, launch, overflow } from "./browser.mjs";
import { crawl, pattern } from "./crawl.mjs";

const POLICY = "default-src 'self'; style-src 'self'";

/** @type {Record<string, string>} */
const PAGES = {
  "/": `<h1>Right</h1> <a href="/things/12">a</a> <a href="/things/13">b</a> <a href="https://example.com/">c</a>
    <a href="/v1/file">d</a>`,
  "/things/12": `<h1>Thing</h1> <svg role="img" aria-label="a"><a href="12/history"><text>a</text></a></svg>`,
  "/things/12/history": `<h1>History</h1> <a href="/">a</a>`,
  "/script": `<h1>Wrong</h1> <script src="/throws.js"></script>`,
  "/console": `<h1>Wrong</h1> <script src="/logs.js"></script>`,
  "/inline": `<h1>Wrong</h1> <p style="color: red">a</p>`,
  "/missing": `<h1>Wrong</h1> <link rel="stylesheet" href="/none.css">`,
  "/cut": `<h1>Wrong</h1> <script src="/fetches.js"></script>`,
  "/foreign": `<h1>Wrong</h1> <script src="/leaves.js"></script>`,
  "/unnamed": `<h1>Wrong</h1> <button></button>`,
  "/pale": `<h1>Wrong</h1> <link rel="stylesheet" href="/pale.css"> <p>Hardly to be read</p>`,
  "/wide": `<h1>Wrong</h1> <link rel="stylesheet" href="/wide.css"> <p>a</p>`,
  "/two": `<h1>One</h1> <h1>Two</h1>`,
};

/** @type {Record<string, string>} */
const FILES = {
  "/icon.svg": `<svg xmlns="http://www.w3.org/2000/svg"></svg>`,
  "/throws.js": `throw new Error("a bug")`,
  "/logs.js": `console.error("a bug")`,
  "/fetches.js": `fetch("/hang").catch(() => {})`,
  "/leaves.js": `location.href = "http://127.0.0.2:9/"`,
  "/pale.css": `@media (prefers-color-scheme: dark) { p { color: #222; background: #111 } }`,
  "/wide.css": `p { width: 500px }`,
};

/** @type {Record<string, string>} */
const TYPES = { ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml" };

const server = createServer((request, response) => {
  const path = request.url ?? "";
  const headers = { "content-security-policy": POLICY };
  if (path === "/hang") {
    response.destroy();
  } else if (PAGES[path] !== undefined) {
    const head = `<title>Test</title> <link rel="icon" href="/icon.svg">`;
    const html = `<!doctype html><html lang="en">${head}<main>${PAGES[path]}</main></html>`;
    response.writeHead(200, { ...headers, "content-type": "text/html; charset=utf-8" }).end(html);
  } else if (FILES[path] !== undefined) {
    response.writeHead(200, { "content-type": TYPES[extname(path)] }).end(FILES[path]);
  } else {
    response.writeHead(404, { "content-type": "text/html" }).end("<h1>Not found</h1>");
  }
});

const browser = await launch();
server.listen(0, "127.0.0.1");
await once(server, "listening");
const address = server.address();
assert(address !== null && typeof address === "object");
const url = `http://127.0.0.1:${address.port}`;

after(async () => {
  await browser.close();
  server.close();
  server.closeAllConnections();
});

/**
 * Opens a page, and returns what went wrong.
 *
 * @param {string} path
 */
async function faults(path) {
  const visitor = await Visitor.open(browser, { url });
  await visitor.go(path);
  await visitor.page.waitForLoadState("networkidle");
  const found = await visitor.close().then(() => "", String);
  return found;
}

test("a page that is right has no faults", async () => {
  assert.equal(await faults("/"), "");
});

test("what goes wrong on a page is a fault", async () => {
  for (const [path, expected] of /** @type {const} */ ([
    ["/script", /script: Error: a bug/],
    ["/console", /console: a bug/],
    ["/inline", /content security policy: style-src-attr forbids inline/],
    ["/missing", /request refused: GET \S+none.css: 404/],
    ["/cut", /request failed: GET \S+hang: net::ERR_EMPTY_RESPONSE/],
    ["/foreign", /request to another host: http:..127.0.0.2:9/],
  ])) {
    assert.match(await faults(path), expected, path);
  }
});

test("a page that does not load is a fault", async () => {
  const visitor = await Visitor.open(browser, { url });
  await visitor.go("/nowhere");
  await assert.rejects(visitor.close(), /request refused: GET \S+nowhere: 404/);
});

test("axe finds what is serious, in the colors that are shown", async () => {
  const visitor = await Visitor.open(browser, { url });
  const { page } = visitor;
  await visitor.go("/unnamed");
  await assert.rejects(axe(page), /critical button-name/);
  await visitor.go("/pale");
  await page.emulateMedia({ colorScheme: "light" });
  await axe(page);
  await page.emulateMedia({ colorScheme: "dark" });
  await assert.rejects(axe(page), /serious color-contrast/);
  await visitor.close();
});

test("a page that is too wide is seen, and so are headings that are not one", async () => {
  const visitor = await Visitor.open(browser, { url }, { viewport: { width: 390, height: 844 } });
  await visitor.go("/");
  assert.equal(await overflow(visitor.page), 0);
  assert.equal(await heading(visitor.page), "Right");
  await visitor.go("/wide");
  assert.ok((await overflow(visitor.page)) > 100);
  await visitor.go("/two");
  await assert.rejects(heading(visitor.page), /\["One","Two"\]/);
  await visitor.close();
});

test("a crawl visits one page of each pattern, and no other host", async () => {
  const visitor = await Visitor.open(browser, { url });
  assert.deepEqual(await crawl(visitor), ["/", "/things/12", "/things/12/history"]);
  await visitor.close();
});

test("the pattern of a path leaves open what names a thing", () => {
  for (const [path, expected] of /** @type {const} */ ([
    ["/", "/"],
    ["/first-times", "/first-times"],
    ["/detectors/view_burst", "/detectors/{}"],
    ["/incidents/0198c6e0-5ad1-7a40-8f3e-6a1d35b0c001", "/incidents/{}"],
    ["/accounts/00Dhn0000007ZsREAU/005hn000004444AAA/days", "/accounts/{}/{}/days"],
  ])) {
    assert.equal(pattern(path), expected);
  }
});

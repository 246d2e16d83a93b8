/** What holds for all pages of the console, whatever they show. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Visitor, axe, heading, launch, overflow, signedIn } from "./browser.mjs";
import { crawl } from "./crawl.mjs";
import { running } from "./dev.mjs";

/** The most bytes of HTML that a page may take over the network. */
const MOST = 100_000;

const NARROW = { width: 390, height: 844 };
const WIDE = { width: 1280, height: 800 };

const dev = running();

const browser = await launch();

after(() => browser.close());

test("a person signs in through the provider, and lands on the incidents", async () => {
  const visitor = await Visitor.open(browser, dev);
  const { page } = visitor;
  await visitor.go("/");
  assert.equal(new URL(page.url()).pathname, "/sign-in");
  await page.locator('a[href^="/v1/sign-in"]').click();
  await visitor.fillIn("analyst");
  await visitor.arrive("/");
  await heading(page);
  const cookies = await visitor.context.cookies(dev.url);
  const session = cookies.map(({ name, secure, httpOnly, sameSite }) => ({ name, secure, httpOnly, sameSite }));
  assert.deepEqual(session, [{ name: "__Host-orgwatch", secure: true, httpOnly: true, sameSite: "Lax" }]);
  await visitor.close();
});

test("a token signs in", async () => {
  const visitor = await Visitor.open(browser, dev);
  const { page } = visitor;
  await visitor.go("/");
  await page.locator('input[name="token"]').fill(dev.token);
  await page.keyboard.press("Enter");
  await visitor.arrive("/");
  await heading(page);
  await visitor.close();
});

test("after signing out the session is over, in other browsers, too", async () => {
  const visitor = await signedIn(browser, dev, "analyst");
  const { page } = visitor;
  const [cookie] = await visitor.context.cookies(dev.url);
  assert.ok(cookie);
  const session = () => fetch(`${dev.url}/v1/session`, { headers: { cookie: `${cookie.name}=${cookie.value}` } });
  assert.equal((await session()).status, 200);
  await page.getByRole("button", { name: "Sign out" }).click();
  await visitor.arrive("/sign-in");
  assert.equal((await session()).status, 401);
  await visitor.go("/");
  assert.equal(new URL(page.url()).pathname, "/sign-in");
  await visitor.close();
});

test("the page of the sign-in is as the others", async (t) => {
  const visitor = await Visitor.open(browser, dev);
  const plain = await Visitor.open(browser, dev, { javaScriptEnabled: false });
  await checkPage(t, visitor, plain, "/sign-in");
  await Promise.all([visitor.close(), plain.close()]);
});

test("an administrator reaches every page", async (t) => {
  const visitor = await signedIn(browser, dev, "administrator");
  const plain = await signedIn(browser, dev, "administrator", { javaScriptEnabled: false });
  const paths = await crawl(visitor);
  assert.ok(paths.length > 1, "the first page links to no other");
  for (const path of paths) await t.test(path, (t) => checkPage(t, visitor, plain, path));
  // Each page has reported its own faults.
  await Promise.all([visitor.context.close(), plain.context.close()]);
});

test("no link of an analyst leads to a page that is refused", async () => {
  const visitor = await signedIn(browser, dev, "analyst");
  await crawl(visitor);
  await visitor.close();
});

/**
 * Fails if a page is not as all pages have to be.
 *
 * @param {import("node:test").TestContext} t
 * @param {Visitor} visitor
 * @param {Visitor} plain the same person without JavaScript
 * @param {string} path
 */
async function checkPage(t, visitor, plain, path) {
  const { page } = visitor;
  // What went wrong on another page is not this one's.
  for (const { faults } of [visitor, plain]) faults.length = 0;
  await page.setViewportSize(WIDE);
  const answer = await visitor.go(path);
  const title = `${path}: ${await page.title()}`;
  assert.equal(answer.status(), 200, title);
  assert.equal(page.url(), visitor.origin + path, "the page is there, and no other");
  // A text has no headings and no links.
  if (!(answer.headers()["content-type"] ?? "").startsWith("text/html")) return visitor.check();
  const { responseBodySize } = await answer.request().sizes();
  t.diagnostic(`${title}: ${responseBodySize} bytes`);
  const found = await heading(page);
  visitor.check();

  await t.test("its HTML is small", () => assert.ok(responseBodySize < MOST, `${responseBodySize} bytes`));
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    await t.test(`axe finds nothing serious, ${colorScheme}`, async () => {
      await page.emulateMedia({ colorScheme });
      await axe(page);
    });
  }
  await t.test("it is as wide as a phone", async () => {
    await page.setViewportSize(NARROW);
    assert.equal(await overflow(page), 0, "pixels beyond the window");
  });
  await t.test("it has its heading without JavaScript", async () => {
    await plain.go(path);
    assert.equal(await heading(plain.page), found);
    plain.check();
  });
  visitor.check();
}

/** What an analyst and an administrator do, from beginning to end, while others look on. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { heading, launch, signedIn } from "./browser.mjs";
import { running } from "./dev.mjs";
import { blind, poison } from "./disturb.mjs";

/** @import { Browser, Page } from "playwright-core" */

const EMMA = "emma.martin@lumenworks.example";

const dev = running();

/** @type {Browser} */
let browser;

before(async () => {
  browser = await launch();
});

after(() => browser.close());

/**
 * Returns the number of a tile by its name.
 *
 * @param {Page} page
 * @param {string} name
 */
function tile(page, name) {
  return page.locator(".tile", { hasText: name }).locator("b");
}

test("an analyst decides on Emma's incident, and others see it at once", async () => {
  const analyst = await signedIn(browser, dev, "analyst");
  const { page } = analyst;
  // Somebody else looks at the queue, and at how well a detector does.
  const onlooker = await signedIn(browser, dev, "administrator");
  const queue = onlooker.page;
  await queue.locator("tr[data-row]", { hasText: EMMA }).waitFor();
  const card = await onlooker.context.newPage();
  await card.goto(`${dev.url}/detectors/${dev.org}/view_burst`);
  assert.equal(await tile(card, "false positive").textContent(), "0");

  // The highest risk is the first row.
  await page.locator("tr[data-row]", { hasText: EMMA }).waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/incidents\//);
  assert.equal(await heading(page), EMMA);
  const incident = page.url();

  // The receipt adds up.
  const points = await page.locator("table.receipt tbody .points").allTextContents();
  const sum = points.reduce((all, text) => all + Number(text.replace("−", "-").replace("+", "")), 0);
  const risk = Number(await page.locator(".incident-head .figure b").textContent());
  assert.ok(points.length > 5 && Math.abs(sum - risk) < 0.001, `${points.join(" ")}: ${sum}, and not ${risk}`);
  await page.getByText("Sum of the points = risk").waitFor();

  // Her red spot leads to her day.
  await page.keyboard.press("g");
  await page.keyboard.press("f");
  await page.waitForURL(/\/first-times/);
  const objects = page.locator("section", { hasText: "First-time object access" });
  await objects.locator("tr", { hasText: EMMA }).locator("td.flag a").click();
  await page.waitForURL(/\/accounts\/.*day=2026-03-02/);
  assert.equal(await heading(page), EMMA);
  await page.getByText("5 objects").first().waitFor();

  // What follows is shown before it is decided.
  await page.goto(incident);
  await page.keyboard.press("4");
  const panel = page.locator("#panel");
  await panel.getByRole("heading", { name: "Call it false positive" }).waitFor();
  await panel.getByText("days that are held back are learned at once").waitFor();
  await panel.getByText("0 findings more would count for nothing").waitFor();
  await panel.getByLabel("suppress findings like these for 30 days").check();
  await panel.getByText("On the last 30 days: 9 findings more would count for nothing").waitFor();
  await panel.getByLabel("Why").fill("She moved to another team: see the ticket.");
  await panel.getByRole("button", { name: "Call it false positive" }).click();
  await page.getByText("Recorded.").waitFor();
  await page.locator(".marks", { hasText: "resolved" }).waitFor();
  await page.locator("#history", { hasText: "She moved to another team" }).waitFor();

  // The others have not reloaded anything.
  await queue.locator("tr[data-row]", { hasText: EMMA }).waitFor({ state: "detached" });
  await tile(card, "false positive").filter({ hasText: "1" }).waitFor();

  await page.keyboard.press("u");
  await page.locator(".marks", { hasText: "open" }).waitFor();
  await queue.locator("tr[data-row]", { hasText: EMMA }).waitFor();
  await tile(card, "false positive").filter({ hasText: "0" }).waitFor();
  await Promise.all([analyst.close(), onlooker.close()]);
});

test("an analyst decides on several incidents with one reason", async () => {
  const analyst = await signedIn(browser, dev, "analyst", { viewport: { width: 1280, height: 800 } });
  const { page } = analyst;
  await analyst.go("/?severity=low&sort=latest");
  const names = page.locator("tr[data-row] [data-open]");
  await names.first().waitFor();
  for (const key of ["j", "x", "j", "x"]) await page.keyboard.press(key);
  await page.getByText("2 selected").waitFor();
  await page.keyboard.press("h");
  await page.waitForURL(/\/decide/);
  assert.equal(await page.locator(".about li").count(), 2);
  await page.getByLabel("For").selectOption("4");
  await page.getByRole("button", { name: "Snooze" }).click();
  await page.getByText("Recorded.").waitFor();
  assert.equal(await page.getByText("snoozed until").count(), 2);
  await page.getByRole("button", { name: "Take it back" }).click();
  await page.getByText("snoozed until").first().waitFor({ state: "detached" });
  await analyst.close();
});

test("keys work by what they write, and not in fields", async () => {
  const analyst = await signedIn(browser, dev, "analyst");
  const { page } = analyst;
  await page.keyboard.press("/");
  await page.keyboard.type("gj?");
  assert.equal(await page.locator("#search").inputValue(), "gj?");
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await page.getByRole("heading", { name: "Keys" }).waitFor();
  await page.keyboard.press("Escape");
  // A French keyboard writes a question mark with another key.
  const question = { key: "?", code: "KeyM", bubbles: true };
  await page.evaluate((init) => document.body.dispatchEvent(new KeyboardEvent("keydown", init)), question);
  await page.getByRole("heading", { name: "Keys" }).waitFor();
  await analyst.close();
});

test("an administrator sees a blind source, replays a dead letter, and tries a threshold", async () => {
  const administrator = await signedIn(browser, dev, "administrator");
  const { page } = administrator;

  const { org, see, stop } = await blind(dev);
  try {
    const blinded = page.locator(".blind", { hasText: "queries of stored events get no answer" });
    await administrator.go(`/sources?org=${org}`);
    await until(page, async () => (await blinded.count()) > 0, "the source is not reported as blind");
    await page.locator("td .pill", { hasText: "blind" }).first().waitFor();
    await administrator.go("/");
    await page.locator(".blind", { hasText: `login events of org ${org}` }).waitFor();
    // It is an incident, and marked like all of its org.
    const marked = page.locator("tr[data-row] .mark", { hasText: "blind source" });
    await until(page, async () => (await marked.count()) > 0, "no incident is marked");
    see();
    await until(page, async () => (await page.locator(".blind").count()) === 0, "the source stays blind");
  } finally {
    await stop();
  }

  await poison(dev);
  const replay = page.getByRole("link", { name: "Replay" }).first();
  await administrator.go("/letters");
  await until(page, async () => (await replay.count()) > 0, "no dead letter is listed");
  await replay.click();
  await page.getByRole("button", { name: "Replay" }).click();
  await page.getByText("was published again").waitFor();
  await administrator.go("/audit");
  await page.getByText("dead letter replayed").first().waitFor();

  await administrator.go(`/detectors/${dev.org}/row_spike`);
  await page.getByLabel("Least surprise").fill("6");
  await page.getByRole("button", { name: "Try" }).click();
  await page.getByText("With a threshold of 6").waitFor();
  await page.locator("#what-if tr", { hasText: EMMA }).first().waitFor();
  await page.getByRole("link", { name: "Adopt this threshold" }).or(page.getByRole("button", { name: "Adopt this threshold" })).click();
  await page.getByRole("heading", { name: "Change the settings" }).waitFor();
  await page.locator("tr", { hasText: "row_spike" }).first().waitFor();
  await page.getByLabel("Why").fill("Fewer spikes are wanted.");
  await page.getByRole("button", { name: "Change the settings" }).click();
  await page.getByText("Recorded.").waitFor();
  await administrator.go(`/settings?org=${dev.org}`);
  const decided = page.locator("tr, li", { hasText: "Fewer spikes are wanted." }).first();
  await decided.waitFor();
  await page.goBack();
  await page.getByRole("button", { name: "Take it back" }).click();
  await page.waitForLoadState();
  await administrator.go(`/settings?org=${dev.org}`);
  await page.locator("tr, li", { hasText: "Fewer spikes are wanted." }).filter({ hasText: "undone" }).first().waitFor();
  await administrator.close();
});

/**
 * Loads a page anew until it shows what is waited for.
 *
 * @param {Page} page
 * @param {() => Promise<boolean>} shows
 * @param {string} failed what is wrong if it never does
 */
async function until(page, shows, failed) {
  for (const limit = Date.now() + 90_000; !(await shows()); await page.reload()) assert.ok(Date.now() < limit, failed);
}

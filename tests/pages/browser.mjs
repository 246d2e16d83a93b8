/** A browser, persons who use the console in it, and what must not happen meanwhile. */

import { AxeBuilder, chromium, playwright } from "./tools.mjs";
import { PERSONS } from "./dev.mjs";

/**
 * @import { Browser, BrowserContext, BrowserContextOptions, Page, Request } from "playwright-core"
 * @import { Dev, Role } from "./dev.mjs"
 */

/** Milliseconds for one action or navigation; several times what each takes on two busy cores. */
const PATIENCE = 30_000;

/** Starts the browser. It finds no host other than this machine. */
export async function launch() {
  return playwright.chromium.launch({
    executablePath: chromium(),
    args: ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"],
  });
}

/**
 * A context of the browser with one page, as one person has. What goes wrong in it is in `faults`:
 * errors on the console, violations of the content security policy, requests that fail or are refused, and requests to
 * other hosts.
 */
export class Visitor {
  /**
   * What went wrong since the last `check`.
   *
   * @type {string[]}
   */
  faults = [];

  /**
   * Requests without an answer.
   *
   * @type {Set<Request>}
   */
  #open = new Set();

  /**
   * @param {BrowserContext} context
   * @param {Page} page
   * @param {string} origin
   */
  constructor(context, page, origin) {
    this.context = context;
    this.page = page;
    this.origin = origin;
  }

  /**
   * Opens a context for the pages of an origin. During a sign-in the browser also goes to the origin `provider`.
   *
   * @param {Browser} browser
   * @param {{ url: string, provider?: string }} place
   * @param {BrowserContextOptions} [options]
   */
  static async open(browser, { url, provider }, options = {}) {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(PATIENCE);
    const visitor = new Visitor(context, await context.newPage(), url);
    await visitor.#watch(provider);
    return visitor;
  }

  /**
   * Goes to a path of the console.
   *
   * @param {string} path
   */
  async go(path) {
    const answer = await this.page.goto(this.origin + path);
    if (answer === null) throw new Error(`${path}: the browser has not left the page`);
    return answer;
  }

  /**
   * Signs in through the provider, and goes on to a path.
   *
   * @param {Role} role
   * @param {string} [path]
   */
  async signIn(role, path = "/") {
    await this.page.goto(`${this.origin}/v1/sign-in?return_to=${encodeURIComponent(path)}`);
    await this.fillIn(role);
    await this.arrive(path);
  }

  /**
   * Waits until the browser shows a path of the console.
   *
   * @param {string} path
   */
  async arrive(path) {
    try {
      await this.page.waitForURL(this.origin + path);
    } catch (error) {
      const open = [...this.#open].map((request) => `no answer yet: ${request.method()} ${request.url()}`);
      const text = [`${path} is not reached from ${this.page.url()}`, ...open, ...this.faults].join("\n");
      throw new Error(text, { cause: error });
    }
  }

  /**
   * Does what a person does at the provider.
   *
   * @param {Role} role
   */
  async fillIn(role) {
    await this.page.getByLabel("Name").fill(PERSONS[role]);
    await this.page.getByRole("button", { name: "Sign in" }).click();
  }

  /** Fails with what went wrong since the last check. */
  check() {
    const faults = this.faults.splice(0);
    if (faults.length > 0) throw new Error(`${this.page.url()}:\n${faults.join("\n")}`);
  }

  /** Closes the context. Fails with what went wrong since the last check. */
  async close() {
    try {
      this.check();
    } finally {
      await this.context.close();
    }
  }

  /** @param {string} [provider] */
  async #watch(provider) {
    const { context, faults } = this;
    context.on("console", (message) => {
      if (message.type() === "error") faults.push(`console: ${message.text()} (${message.location().url})`);
    });
    context.on("weberror", (error) => faults.push(`script: ${error.error().stack}`));
    context.on("request", (request) => {
      this.#open.add(request);
      if (!this.#isAllowed(request, provider)) faults.push(`request to another host: ${request.url()}`);
    });
    context.on("requestfailed", (request) => {
      this.#open.delete(request);
      const reason = request.failure()?.errorText ?? "";
      // Leaving a page stops what it still loads, such as its icon, and is the only end of an event stream.
      const isLeft = reason === "net::ERR_ABORTED";
      if (!isLeft) faults.push(`request failed: ${request.method()} ${request.url()}: ${reason}`);
    });
    context.on("response", (answer) => {
      this.#open.delete(answer.request());
      if (answer.status() >= 400) {
        faults.push(`request refused: ${answer.request().method()} ${answer.url()}: ${answer.status()}`);
      }
    });
    await context.exposeBinding("reportViolation", (_, text) => faults.push(`content security policy: ${text}`));
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        const { violatedDirective, blockedURI, sourceFile, lineNumber } = event;
        // @ts-expect-error: the binding above
        reportViolation(`${violatedDirective} forbids ${blockedURI} (${sourceFile}:${lineNumber})`);
      });
    });
  }

  /**
   * Whether a request may be made: to the console, and by leaving it for the provider.
   *
   * @param {Request} request
   * @param {string | undefined} provider
   */
  #isAllowed(request, provider) {
    const url = new URL(request.url());
    if (!["http:", "https:", "ws:", "wss:"].includes(url.protocol)) return true;
    return url.origin === this.origin || (url.origin === provider && request.isNavigationRequest());
  }
}

/**
 * Opens a context for a person, who signs in.
 *
 * @param {Browser} browser
 * @param {Dev} dev
 * @param {Role} role
 * @param {BrowserContextOptions} [options]
 */
export async function signedIn(browser, dev, role, options) {
  const visitor = await Visitor.open(browser, dev, options);
  await visitor.signIn(role);
  return visitor;
}

/**
 * Fails if the page has accessibility faults that axe calls serious or critical.
 *
 * @param {Page} page
 */
export async function axe(page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const faults = grave.flatMap(({ id, impact, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${impact} ${id}: ${help}: ${target.join(" ")}\n  ${failureSummary}`),
  );
  if (faults.length > 0) throw new Error(`${page.url()}:\n${faults.join("\n")}`);
}

/**
 * By how many pixels the page is wider than its window.
 *
 * @param {Page} page
 * @returns {Promise<number>}
 */
export async function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/**
 * The text of the page's main heading; fails unless there is exactly one.
 *
 * @param {Page} page
 */
export async function heading(page) {
  const texts = await page.locator("h1").allTextContents();
  const [text = ""] = texts.map((found) => found.replace(/\s+/g, " ").trim());
  if (texts.length !== 1 || text === "") throw new Error(`${page.url()}: main headings: ${JSON.stringify(texts)}`);
  return text;
}

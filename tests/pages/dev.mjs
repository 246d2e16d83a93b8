/**
 * `orgwatchd dev` over the org of the demo, with sign-in at a real OpenID provider.
 *
 * Started by hand (`node tests/pages/dev.mjs`, with the Node of `.tools`), it runs until Ctrl-C, and prints a variable with
 * which tests of another terminal use it.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { ROOT, TOOLS, built } from "./tools.mjs";

/** Milliseconds; several times what each step takes on two busy cores. */
const PATIENCE = 360_000;

/** The variable with a running `Dev` as JSON. */
const VARIABLE = "ORGWATCH_PAGES_DEV";

/** The persons at the provider by role: their names there, each in one group of the settings. */
export const PERSONS = { analyst: "ana", administrator: "adam" };

/** @typedef {keyof typeof PERSONS} Role */

/**
 * What the tests need to know of it.
 *
 * @typedef {object} Dev
 * @property {string} url the origin of the pages, such as `http://localhost:1234`
 * @property {string} token a token of an administrator
 * @property {string} provider the origin of the OpenID provider
 * @property {string} org the id of the org that is played
 * @property {string} nats the URL of its NATS
 * @property {string} postgres the URL of its database, as its owner
 */

/**
 * Returns the `Dev` that the set-up of the tests, or a person, has started.
 *
 * @returns {Dev}
 */
export function running() {
  const text = process.env[VARIABLE];
  if (!text) throw new Error("run the tests with --test-global-setup=tests/pages/setup.mjs");
  return JSON.parse(text);
}

/**
 * Starts all of it, and waits until every event is played.
 *
 * @returns {Promise<{ dev: Dev, stop: () => Promise<void> }>} `stop` ends the processes; `orgwatchd dev` removes its files
 */
export async function start() {
  /** @type {Process[]} */
  const processes = [];
  const interrupt = () => processes.forEach((process) => process.child.kill("SIGINT"));
  // Whatever ends this process, the others do not go on, and remove what they wrote.
  process.on("exit", interrupt);
  const end = async () => {
    await Promise.all(processes.map((process) => process.stop()));
    process.off("exit", interrupt);
  };
  /** @type {Promise<void> | undefined} */
  let ending;
  const stop = () => (ending ??= end());
  try {
    const [admin, console, ingest, port] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    const url = `http://localhost:${console}`;
    const provider = `http://127.0.0.1:${port}`;

    const script = join(ROOT, "crates/console/tests/oidc/provider.mjs");
    const callback = `${url}/v1/sign-in/callback`;
    processes.push(new Process(process.execPath, [script, join(TOOLS, "oidc-provider"), `${port}`, callback], {}));
    await ready(`${provider}/.well-known/openid-configuration`);
    for (const [role, name] of Object.entries(PERSONS)) {
      const answer = await fetch(`${provider}/accounts/${name}`, { method: "PUT", body: JSON.stringify([`${role}s`]) });
      if (answer.status !== 204) throw new Error(`the provider does not take ${name}: ${answer.status}`);
    }

    const roles = Object.keys(PERSONS).map((role) => `{ group = "${role}s", org = "*", role = "${role}" }`);
    const orgwatchd = new Process(built("orgwatchd"), ["dev"], {
      ORGWATCH_ADMIN__LISTEN: `127.0.0.1:${admin}`,
      ORGWATCH_INGEST__LISTEN: `127.0.0.1:${ingest}`,
      ORGWATCH_CONSOLE__LISTEN: `127.0.0.1:${console}`,
      ORGWATCH_CONSOLE__REQUESTS_PER_MINUTE: "100000",
      // A test sees its decision applied, on a busy machine, too.
      ORGWATCH_CONSOLE__APPLY_WAIT_MS: "15000",
      ORGWATCH_CONSOLE__SIGN_IN__ISSUER: provider,
      ORGWATCH_CONSOLE__SIGN_IN__CLIENT_ID: "orgwatch",
      ORGWATCH_CONSOLE__SIGN_IN__CLIENT_SECRET: "a secret: with % and +",
      ORGWATCH_CONSOLE__SIGN_IN__PUBLIC_URL: url,
      ORGWATCH_CONSOLE__SIGN_IN__SCOPES: '["openid", "email", "groups"]',
      ORGWATCH_CONSOLE__SIGN_IN__PER_MINUTE: "10000",
      ORGWATCH_CONSOLE__SIGN_IN__ROLES: `[${roles.join(", ")}]`,
    });
    processes.push(orgwatchd);
    const [, token = ""] = await orgwatchd.note(/authorization: Bearer (\S+)/);
    const [, org = ""] = await orgwatchd.note(/for org (\w+)/);
    const [, nats = ""] = await orgwatchd.note(/NATS +(nats:\S+)/);
    const [, postgres = ""] = await orgwatchd.note(/Postgres +(postgres:\S+)/);
    await orgwatchd.note(/Everything is played/);
    return { dev: { url, token, provider, org, nats, postgres }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Makes a `Dev` known to the tests that this process starts.
 *
 * @param {Dev} dev
 */
export function announce(dev) {
  process.env[VARIABLE] = JSON.stringify(dev);
}

/** Whether a `Dev` is running for the tests. */
export function isRunning() {
  return process.env[VARIABLE] !== undefined;
}

/** A child process, and what it has written on standard error. */
class Process {
  /** @type {string[]} */
  notes = [];

  /**
   * @param {string} path
   * @param {string[]} values
   * @param {Record<string, string>} settings
   */
  constructor(path, values, settings) {
    this.path = path;
    this.child = spawn(path, values, { env: { ...process.env, ...settings }, stdio: ["ignore", "ignore", "pipe"] });
    this.ended = once(this.child, "exit");
    // Waited for below; a path that cannot be started fails there.
    this.ended.catch(() => {});
    this.lines = createInterface({ input: this.child.stderr });
    this.lines.on("line", (line) => this.notes.push(line));
  }

  /**
   * Waits for a line that matches.
   *
   * @param {RegExp} pattern
   * @returns {Promise<RegExpMatchArray>}
   */
  async note(pattern) {
    const limit = AbortSignal.timeout(PATIENCE);
    for (;;) {
      const found = this.notes.map((line) => line.match(pattern)).find((match) => match !== null);
      if (found) return found;
      if (this.child.exitCode !== null || this.child.signalCode !== null || limit.aborted) {
        throw new Error(`${this.path} does not print ${pattern}:\n${this.notes.join("\n")}`);
      }
      await Promise.race([once(this.lines, "line", { signal: limit }).catch(() => {}), this.ended]);
    }
  }

  /** Ends the process as Ctrl-C does. */
  async stop() {
    this.child.kill("SIGINT");
    // The second one stops its servers at once.
    const again = setTimeout(() => this.child.kill("SIGINT"), PATIENCE);
    await this.ended;
    clearTimeout(again);
  }
}

/** Returns a port of this machine that nobody listens on. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  server.close();
  await once(server, "close");
  return address.port;
}

/**
 * Waits until a URL answers with 200.
 *
 * @param {string} url
 */
async function ready(url) {
  for (const limit = AbortSignal.timeout(PATIENCE); ; ) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    if (limit.aborted) throw new Error(`${url} does not answer`);
    await sleep(20);
  }
}

if (import.meta.main) {
  const { dev, stop } = await start();
  console.log(`${dev.url}  persons at the provider: ${Object.values(PERSONS).join(", ")}  token: ${dev.token}`);
  console.log(`${VARIABLE}='${JSON.stringify(dev)}'`);
  // Each Ctrl-C reaches the other processes as well, and a second one stops them at once.
  process.on("SIGINT", stop);
}

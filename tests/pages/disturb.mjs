/** What goes wrong in an installation, done on purpose: a source that is blind, and a message that nobody can read. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { built } from "./tools.mjs";

/** @import { ChildProcess } from "node:child_process" */
/** @import { Dev } from "./dev.mjs" */

/** An org that only this file connects. */
const SECOND_ORG = "00Dhn000000BLINEA2";

/**
 * Connects a second org, of which stored logins are read from a fake Salesforce, and makes that answer no more.
 *
 * @param {Dev} dev
 * @returns {Promise<{ org: string, see: () => void, stop: () => Promise<void> }>} `see` makes it answer again
 */
export async function blind(dev) {
  const folder = await mkdtemp(join(tmpdir(), "orgwatch-blind-"));
  const record = {
    attributes: { type: "LoginEvent", url: "/services/data/v66.0/sobjects/LoginEvent/000000001" },
    EventIdentifier: "9f1a2c3e-0000-4000-8000-00000000000a",
    EventDate: new Date().toISOString(),
    UserId: "005hn00000second1A",
    Username: "second@lumenworks.example",
    SourceIp: "192.0.2.9",
    Status: "Success",
    LoginType: "Application",
  };
  await writeFile(join(folder, "events.ndjson"), `${JSON.stringify(record)}\n`);
  /** @type {ChildProcess[]} */
  const processes = [];
  /** @param {string[]} values */
  const start = (values) => {
    // Without the variables of the tests, which it would take for settings.
    const env = { PATH: process.env["PATH"] };
    const child = spawn(built("orgwatchd"), values, { env, stdio: ["ignore", "pipe", "inherit"] });
    processes.push(child);
    return child;
  };
  const stop = async () => {
    for (const child of processes.reverse()) {
      child.kill("SIGCONT");
      child.kill("SIGINT");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
    await rm(folder, { recursive: true });
  };
  try {
    const salesforce = start(["fake-org", "--org", SECOND_ORG, join(folder, "events.ndjson")]);
    let printed = "";
    for await (const part of salesforce.stdout ?? []) if ((printed += part).includes("\n}")) break;
    const { events: _, ...connection } = JSON.parse(printed);
    const toml = [
      `nats.servers = ["${dev.nats}"]`,
      `postgres.url = "${dev.postgres}"`,
      `admin.listen = "127.0.0.1:0"`,
      `ingest.listen = "127.0.0.1:0"`,
      "[ingest.salesforce.orgs.second]",
      `org_id = "${SECOND_ORG}"`,
      `kinds = ["login"]`,
      "streams = false",
      `stored = "follow"`,
      "stored_seconds = 1",
      `log_files = "off"`,
      "log_objects = false",
      "blind_seconds = 3",
      ...Object.entries(connection).map(([key, value]) => `connection.${key} = "${value}"`),
    ];
    await writeFile(join(folder, "orgwatch.toml"), toml.join("\n"));
    start(["ingest", "--config", join(folder, "orgwatch.toml")]);
    for (const limit = Date.now() + 60_000; !(await isLed(dev)); await sleep(200)) {
      if (Date.now() > limit) throw new Error("the second org is not read");
    }
    salesforce.kill("SIGSTOP");
    return { org: SECOND_ORG, see: () => salesforce.kill("SIGCONT"), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Returns whether logins of the second org are read.
 *
 * @param {Dev} dev
 */
async function isLed(dev) {
  const answer = await fetch(`${dev.url}/v1/sources`, { headers: { authorization: `Bearer ${dev.token}` } });
  /** @type {{ org_id: string, state: string }[]} */
  const sources = await answer.json();
  return sources.some((source) => source.org_id === SECOND_ORG && source.state === "leading");
}

/**
 * Publishes a message to a stage that cannot decode it.
 *
 * @param {Dev} dev
 */
export async function poison(dev) {
  const { hostname, port } = new URL(dev.nats);
  const socket = connect(Number(port), hostname);
  await once(socket, "data");
  const text = "not a message of orgwatch";
  socket.write(`CONNECT {"verbose":false}\r\nPUB orgwatch.v1.activity.0 ${text.length}\r\n${text}\r\nPING\r\n`);
  for (;;) {
    const [answer] = await once(socket, "data");
    if (String(answer).includes("-ERR")) throw new Error(`NATS: ${answer}`);
    if (String(answer).includes("PONG")) break;
  }
  socket.end();
}

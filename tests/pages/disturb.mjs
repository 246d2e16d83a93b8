/** What goes wrong in an installation, done on purpose: a source that is blind, and a message that nobody can read. */

import { execFile } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { TOOLS } from "./tools.mjs";

/** @import { Dev } from "./dev.mjs" */

/**
 * Runs a statement as the owner of the database.
 *
 * @param {Dev} dev
 * @param {string} statement
 */
async function execute(dev, statement) {
  const [psql] = globSync(join(TOOLS, "venv/lib/*/site-packages/embedded_postgres/pginstall/bin/psql"));
  if (psql === undefined) throw new Error("psql is not installed: cargo xtask tools");
  await promisify(execFile)(psql, ["--no-psqlrc", "--set=ON_ERROR_STOP=1", "--command", statement, dev.postgres]);
}

/**
 * Writes that a source sees no logins, as a source of Salesforce does. The answer makes it see again.
 *
 * @param {Dev} dev
 * @param {string} detail
 */
export async function blind(dev, detail) {
  const values = `'${dev.org}', 'streams', 'login', 'blind', '${detail}'`;
  await execute(dev, `INSERT INTO orgwatch.source_states (org_id, source, kind, state, detail) VALUES (${values})`);
  return () => execute(dev, "DELETE FROM orgwatch.source_states WHERE source = 'streams' AND kind = 'login'");
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

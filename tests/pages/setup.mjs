/** The set-up of the tests: one `orgwatchd dev` for all their files, unless a person has started one for them. */

import { announce, isRunning, start } from "./dev.mjs";

let stop = async () => {};

export async function globalSetup() {
  if (isRunning()) return;
  const started = await start();
  stop = started.stop;
  announce(started.dev);
}

export async function globalTeardown() {
  await stop();
}

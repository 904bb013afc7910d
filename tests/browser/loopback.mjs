import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** Serves on a free loopback port; `close` also ends what is open. */
export async function serve(handler) {
  const server = createServer(handler);
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return {
    port: server.address().port,
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** A port that nothing listens on at the moment. */
export async function freePort() {
  const { port, close } = await serve(() => {});
  await close();
  return port;
}

/** The whole body of a request or of a reply. */
export async function bytesOf(message) {
  const chunks = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The same as text. */
export async function textOf(message) {
  return (await bytesOf(message)).toString();
}

/** Waits until `read()` gives something that `isThere` accepts; says what it saw last if it never does. */
export async function eventually(what, read, isThere, deadlineMs = 30_000) {
  const end = Date.now() + deadlineMs;
  let seen;
  do {
    seen = await read();
    if (isThere(seen)) return seen;
    await sleep(50);
  } while (Date.now() < end);
  throw new Error(`${what}: still ${JSON.stringify(seen)} after ${deadlineMs} ms`);
}

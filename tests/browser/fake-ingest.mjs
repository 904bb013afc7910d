import { readFileSync } from "node:fs";
import { serve, textOf } from "./loopback.mjs";

const SDK = new URL("../../sdk/dist/weir.js", import.meta.url);

const CORS = { "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After" };

/**
 * An ingest server that answers as it is told: `script` holds answers for the next deliveries, one each.
 * `{ status, headers, body }`; `cut`: the events are taken, but the connection ends before the answer.
 */
export async function fakeIngest() {
  const fake = {
    script: [],
    /** Every delivery: { at, headers, body }. */
    deliveries: [],
    /** Requests that were no simple ones: there must be none. */
    preflights: 0,
    /** As the real one counts: an id once. */
    counted: new Map(),
    /** What was counted, in words: the name of a custom event, the path of a view. */
    words() {
      return [...fake.counted.values()]
        .filter((event) => event.type !== "engagement")
        .map((event) => event.name ?? new URL(event.url).pathname);
    },
  };

  async function deliver(request, response) {
    const body = JSON.parse(await textOf(request));
    fake.deliveries.push({ at: Date.now(), headers: request.headers, body });
    const answer = fake.script.shift() ?? {
      status: 202,
      body: { accepted: body.events.length, dropped: [] },
    };
    if (answer === "cut" || answer.status === 202) {
      for (const event of body.events) fake.counted.set(event.id, event);
    }
    if (answer === "cut") return request.socket.destroy();
    response.writeHead(answer.status, { "Content-Type": "application/json", ...CORS, ...answer.headers });
    response.end(JSON.stringify(answer.body ?? {}));
  }

  const { port, close } = await serve((request, response) => {
    if (request.method === "POST") return deliver(request, response);
    if (request.method === "OPTIONS") fake.preflights += 1;
    if (request.url !== "/y/api/v1/sdk.js") return response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": "text/javascript", ...CORS });
    response.end(readFileSync(SDK));
  });
  return Object.assign(fake, { origin: `http://127.0.0.1:${port}`, close });
}

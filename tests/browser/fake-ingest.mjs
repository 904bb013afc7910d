import { readFileSync } from "node:fs";
import { serve, textOf } from "./loopback.mjs";

/** What the server serves, by its name there. */
export const SCRIPTS = { "weir.js": "weir.js", "sdk.js": "fusionaly.js", "sdk.core.js": "core.js" };

const CORS = { "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After" };

/**
 * An ingest server that answers as it is told: `script` holds answers for the next deliveries, one each.
 * `{ status, headers, body }`; `cut`: the events are taken, but the connection ends before the answer;
 * `silence`: they are not taken, and there never is an answer.
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
    if (answer === "silence") return;
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
    const [, name, module] = /^\/(?:y\/api\/v1\/(\S+)|dist\/(\w+\.mjs))$/.exec(request.url) ?? [];
    const file = SCRIPTS[name] ?? module;
    if (!file) return response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": "text/javascript", ...CORS });
    response.end(readFileSync(new URL(`../../sdk/dist/${file}`, import.meta.url)));
  });
  return Object.assign(fake, { origin: `http://127.0.0.1:${port}`, close });
}

import { request as ask } from "node:http";
import { connect } from "node:net";
import { bytesOf } from "./loopback.mjs";

const CORS = { "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After" };

/** A proxy with no server behind it. */
const NO_SERVER = {
  status: 502,
  headers: { "Content-Type": "text/html" },
  body: Buffer.from("<p>Bad gateway"),
};

/** One request at the hostile proxy, and what can be done to it and to its reply. */
export class Exchange {
  static async read(request, response, proxy, entry) {
    const exchange = Object.assign(new Exchange(), { request, response, proxy, entry });
    exchange.body = await bytesOf(request);
    exchange.ids = [];
    if (request.method === "POST") {
      const { events, lost = 0 } = JSON.parse(exchange.body.toString());
      proxy.givenUp += lost;
      exchange.ids = events.map(({ id }) => id);
      entry.what += ` of ${events.map(nameOf).join(" ")}`;
    }
    return exchange;
  }

  /** Sends a copy to the server; its answer, or nothing where there was none. */
  async forward() {
    const { proxy, entry, ids } = this;
    const answer = await this.#ask();
    entry.sent.push(answer.status ?? answer.error);
    if (answer.status === 202) for (const id of ids) proxy.heard.set(id, (proxy.heard.get(id) ?? 0) + 1);
    if (answer.status) return answer;
    // Nobody listened: nothing was kept. Anything else, and the server died with the delivery in its hands.
    if (answer.error !== "ECONNREFUSED") proxy.unsure.push(...ids);
  }

  #ask() {
    const { request, proxy, body } = this;
    return new Promise((done) => {
      const asking = ask({
        host: "127.0.0.1",
        port: proxy.serverPort,
        method: request.method,
        path: request.url,
        headers: { ...request.headers, connection: "close" },
        agent: false,
      });
      const fail = (error) => done({ error: error.code ?? `${error}` });
      asking.on("error", fail);
      asking.on("response", (reply) =>
        bytesOf(reply).then(
          (bytes) => done({ status: reply.statusCode, headers: reply.headers, body: bytes }),
          fail,
        ),
      );
      asking.end(body);
    });
  }

  /** The server gets the head and half of the body, then the end of the connection. */
  forwardHalf() {
    const { request, proxy, body } = this;
    const lines = [`${request.method} ${request.url} HTTP/1.1`];
    for (const [name, value] of Object.entries(request.headers)) lines.push(`${name}: ${value}`);
    const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
    const part = body.length
      ? Buffer.concat([head, body.subarray(0, body.length / 2)])
      : head.subarray(0, 40);
    return new Promise((done) => {
      const socket = connect(proxy.serverPort, "127.0.0.1", () => socket.end(part));
      socket.on("error", () => {});
      socket.on("close", done);
      socket.resume();
    });
  }

  reply(answer = NO_SERVER) {
    const { response } = this;
    response.writeHead(answer.status, headersOf(answer));
    response.end(answer.body);
  }

  /** The reply ends early: somewhere in its head, or in its body. */
  replyInPart(answer = NO_SERVER, part) {
    const lines = [`HTTP/1.1 ${answer.status} Cut`];
    for (const [name, value] of Object.entries(headersOf(answer))) lines.push(`${name}: ${value}`);
    const whole = Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), answer.body]);
    this.request.socket.end(whole.subarray(0, Math.max(1, Math.floor(part * whole.length))));
  }

  /** The page may read what the server says itself; of a proxy before it, it learns only that it failed. */
  refuse(status, { retryAfterSecs, isReadable }) {
    const wait = retryAfterSecs && { "Retry-After": `${retryAfterSecs}` };
    const body = Buffer.from(JSON.stringify({ error: "hostile", retryAfter: retryAfterSecs }));
    this.reply({ status, headers: { ...wait, ...(isReadable ? CORS : {}) }, body });
  }

  hangUp() {
    this.request.socket.destroy();
  }

  reset() {
    this.request.socket.resetAndDestroy();
  }
}

/** Nothing is kept by the browser: every page loads the script through the proxy. */
function headersOf({ headers, body }) {
  const { connection, "transfer-encoding": _, ...kept } = headers;
  return { ...kept, "content-length": body.length, "cache-control": "no-store" };
}

/** A custom event's name, the path of a view. */
export const nameOf = ({ type, name, url }) => name ?? (type === "pageview" ? new URL(url).pathname : type);

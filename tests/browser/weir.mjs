import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { eventually, freePort } from "./loopback.mjs";

const BINARY = process.env.BINARY_UNDER_TEST;

/** Why no server can run here, if so. */
export const whyNoServer = BINARY ? false : "BINARY_UNDER_TEST names no server binary";

const run = promisify(execFile);

/** A zone in which it is neither night nor evening now: "today" must not end while a test runs, or its visitors are others. */
export function dayTimeZone() {
  const hour = (timeZone) =>
    Number(new Intl.DateTimeFormat("en", { timeZone, hour: "numeric", hourCycle: "h23" }).format());
  return ["Asia/Kathmandu", "America/Bogota", "Pacific/Honolulu"].find(
    (zone) => hour(zone) >= 7 && hour(zone) < 21,
  );
}

/** A real server with a data folder of its own, on a loopback port that it keeps across restarts. */
export class Weir {
  /**
   * `prepare` runs commands before the server does: it knows their outcome from its first answer on. It may put
   * `WEIR_*` variables into `settings`.
   */
  static async start(prepare = async (_weir) => {}) {
    const weir = new Weir();
    weir.settings = {};
    weir.data = await mkdtemp(join(tmpdir(), "weir-browser-"));
    weir.port = await freePort();
    weir.origin = `http://127.0.0.1:${weir.port}`;
    await prepare(weir);
    await weir.up();
    return weir;
  }

  /** Starts the process and waits until it answers. */
  async up() {
    const args = ["serve", "--data", this.data, "--listen", `127.0.0.1:${this.port}`];
    this.log = "";
    this.process = spawn(BINARY, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...this.settings },
    });
    this.ended = new Promise((done) => this.process.once("exit", (code, signal) => done({ code, signal })));
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.on("data", (text) => {
        this.log += text;
      });
    }
    await eventually(
      "the server answers",
      async () => (await this.isUp()) || this.process.exitCode,
      (seen) => seen !== null,
    );
    assert.equal(this.process.exitCode, null, this.log);
  }

  async isUp() {
    return fetch(`${this.origin}/_health`).then(
      (response) => response.ok,
      () => null,
    );
  }

  /** As the power would: no last word, nothing flushed. */
  async kill() {
    this.process.kill("SIGKILL");
    assert.equal((await this.ended).signal, "SIGKILL");
  }

  /** As an operator does. */
  async stop() {
    this.process.kill("SIGTERM");
    assert.deepEqual(await this.ended, { code: 0, signal: null }, this.log);
  }

  async remove() {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.kill();
    await rm(this.data, { recursive: true, force: true });
  }

  /** The one-time code for the owner's account, as printed. */
  async setUpCode() {
    const printed = await eventually(
      "a set-up code",
      () => /Set-up code: (\S+)/.exec(this.log),
      (found) => found !== null,
    );
    return printed[1];
  }

  /** Runs a command on the data folder; its standard output. */
  command(...args) {
    return this.commandReading("", ...args);
  }

  /** Runs a command that reads `input`. */
  async commandReading(input, ...args) {
    const running = run(BINARY, [...args, "--data", this.data]);
    // A command that reads nothing may be done before this is written.
    running.child.stdin.on("error", () => {});
    running.child.stdin.end(input);
    return (await running).stdout;
  }

  addSite(domain) {
    return this.command("site", "add", domain, "--timezone", dayTimeZone());
  }

  addUser(email, password) {
    return this.commandReading(password, "user", "add", email);
  }

  async json(...args) {
    return JSON.parse(await this.command(...args, "--json"));
  }

  /** Sends events as a tracker does, from a visitor with this address and browser. */
  async deliver(events, { address, userAgent }) {
    const headers = { "X-Forwarded-For": address, "User-Agent": userAgent, "Content-Type": "text/plain" };
    const body = JSON.stringify({ sentAt: Date.now(), events });
    const response = await fetch(`${this.origin}/x/api/v1/events`, { method: "POST", headers, body });
    return response.json();
  }

  /** Everything that was acknowledged has reached the statistics. */
  settled() {
    return eventually(
      "nothing pending",
      async () => (await this.json("ledger")).pending,
      (pending) => pending === 0,
    );
  }

  /** Of yesterday and today in UTC, one of which it is at the site. The server looks for new tokens once a second. */
  async query(query) {
    this.token ??= (await this.json("token", "create")).token;
    const day = (ago) => new Date(Date.now() - ago * 864e5).toISOString().slice(0, 10);
    const body = JSON.stringify({ site_id: "localhost", date_range: [day(1), day(0)], ...query });
    const headers = { Authorization: `Bearer ${this.token}`, "Content-Type": "application/json" };
    const [status, answer] = await eventually(
      "the token is known",
      async () => {
        const response = await fetch(`${this.origin}/api/v2/query`, { method: "POST", headers, body });
        return [response.status, await response.json()];
      },
      ([status]) => status !== 401,
    );
    assert.equal(status, 200, JSON.stringify(answer));
    return answer.results;
  }

  /** The headline figures, by name. */
  async figures(...metrics) {
    const [{ metrics: values }] = await this.query({ metrics });
    return Object.fromEntries(metrics.map((metric, i) => [metric, values[i]]));
  }

  /** One metric of every value of a dimension. */
  async by(dimension, metric) {
    const rows = await this.query({ metrics: [metric], dimensions: [dimension] });
    return Object.fromEntries(rows.map((row) => [row.dimensions[0], row.metrics[0]]));
  }
}

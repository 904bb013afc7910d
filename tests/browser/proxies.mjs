import { execFile, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { bytesOf, eventually, freePort } from "./loopback.mjs";

const run = promisify(execFile);

const PROGRAMS = {
  nginx: process.env.NGINX ?? "/usr/sbin/nginx",
  caddy: process.env.CADDY ?? "/usr/bin/caddy",
};

/** Why a web server can't be started here, if so. */
export const whyNo = (program) =>
  existsSync(PROGRAMS[program])
    ? false
    : `no ${program} at ${PROGRAMS[program]}: apt install ${program}, or name it in ${program.toUpperCase()}`;

export const textOfGuide = (guide) =>
  readFileSync(new URL(`../../docs/guides/${guide}.md`, import.meta.url), "utf8");

/** What a guide shows in this language, in its order, to be run as it stands there. */
export function examplesOf(guide, language) {
  return [...textOfGuide(guide).matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\n *\`\`\``, "g"))].map(
    ([, code]) => code,
  );
}

/** An example with this test's hosts, ports and files in it. Each must be there, or the test runs something else. */
export function fitted(example, changes) {
  return Object.entries(changes).reduce((text, [theirs, ours]) => {
    if (!text.includes(theirs)) throw new Error(`no ${theirs} in the example:\n${example}`);
    return text.replaceAll(theirs, ours);
  }, example);
}

/** What an administrator's own `nginx.conf` has around the example: nothing that changes how it behaves. */
const aroundNginx = (example) => `daemon off;
pid nginx.pid;
error_log stderr;
events {}
http {
access_log access.log;
client_body_temp_path body;
proxy_temp_path proxied;
fastcgi_temp_path fastcgi;
uwsgi_temp_path uwsgi;
scgi_temp_path scgi;
${example}
}
`;

/** No port but the test's own is opened, and no certificate of its own installed. */
const aroundCaddy = (example) => `{
	admin off
	auto_https disable_redirects
	skip_install_trust
	default_bind 127.0.0.1
${example.startsWith("{\n") ? example.slice(2) : `}\n${example}`}
`;

/** How each program is asked whether a configuration is right, and how it is run in the foreground. */
const WAYS = {
  nginx: (folder) => {
    const args = ["-p", folder, "-c", "config", "-e", "stderr"];
    return { around: aroundNginx, check: ["-t", ...args], serve: args };
  },
  caddy: (folder) => {
    const args = ["--config", join(folder, "config"), "--adapter", "caddyfile"];
    return { around: aroundCaddy, check: ["validate", ...args], serve: ["run", ...args] };
  },
};

/** A real web server that runs an example on a loopback port. */
export class WebServer {
  /** `example` is told the port and the folder. */
  static async start(program, example) {
    const proxy = new WebServer();
    proxy.folder = await mkdtemp(join(tmpdir(), "weir-proxy-"));
    // Its workers are somebody else where it is started by root.
    await chmod(proxy.folder, 0o755);
    proxy.port = await freePort();
    const { around, check, serve } = WAYS[program](proxy.folder);
    await writeFile(join(proxy.folder, "config"), around(await example(proxy)));
    // What it keeps by itself, such as certificates, is kept there, too.
    const env = { ...process.env, XDG_DATA_HOME: proxy.folder, XDG_CONFIG_HOME: proxy.folder };
    await run(PROGRAMS[program], check, { env });
    proxy.log = "";
    proxy.process = spawn(PROGRAMS[program], serve, { env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [proxy.process.stdout, proxy.process.stderr]) {
      stream.on("data", (text) => {
        proxy.log += text;
      });
    }
    proxy.ended = new Promise((done) => proxy.process.once("exit", done));
    await eventually("the web server listens", () => proxy.#listens(), Boolean);
    return proxy;
  }

  #listens() {
    if (this.process.exitCode !== null) throw new Error(this.log);
    return new Promise((done) => {
      const socket = connect(this.port, "127.0.0.1", () => done(true));
      socket.on("error", () => done(false));
      socket.on("connect", () => socket.destroy());
    });
  }

  async stop() {
    this.process.kill("SIGTERM");
    await this.ended;
  }

  async remove() {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** All that it has written down of its visitors. */
  async written() {
    const file = join(this.folder, "access.log");
    return this.log + (existsSync(file) ? await readFile(file, "utf8") : "");
  }
}

/** A certificate of nobody's for `localhost`, in files of that folder. */
export async function certificateIn(folder) {
  const files = { certificate: join(folder, "fullchain.pem"), key: join(folder, "privkey.pem") };
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const made = ["-keyout", files.key, "-out", files.certificate];
  await run("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...subject, ...made]);
  return files;
}

/** One request, from this address of the loopback network, with its path as it stands here. */
export async function ask(origin, path, { from = "127.0.0.1", method = "GET", headers = {}, body } = {}) {
  const { protocol, port } = new URL(origin);
  const begin = protocol === "https:" ? tlsRequest : plainRequest;
  const to = { host: "127.0.0.1", port, servername: "localhost", rejectUnauthorized: false };
  const asking = begin({
    ...to,
    path,
    method,
    localAddress: from,
    agent: false,
    headers: {
      Host: new URL(origin).host,
      ...(body && { "Content-Length": Buffer.byteLength(body) }),
      ...headers,
    },
  });
  const reply = await new Promise((done, failed) => {
    asking.on("response", done);
    asking.on("error", failed);
    asking.end(body);
  });
  return { status: reply.statusCode, headers: reply.headers, bytes: await bytesOf(reply) };
}

// The guides' examples for web servers before Weir, run word for word but for hosts, ports and certificates.
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { launch, PHONE, visitor, whyNoBrowser } from "./chromium.mjs";
import { eventually, freePort, serve, textOf } from "./loopback.mjs";
import { ask, certificateIn, examplesOf, fitted, textOfGuide, WebServer, whyNo } from "./proxies.mjs";
import { Screen } from "./screen.mjs";
import { website } from "./website.mjs";
import { Weir, whyNoServer } from "./weir.mjs";

const THEIR_WEIR = "127.0.0.1:3000";
const EMAIL = "ada@example.com";
const PASSWORD = "correct horse";

/** The guide's example in a site that has something of its own: at each other path that is asked. */
const OWN_DOMAIN = {
  nginx: (weir, site) => (proxy) =>
    `server {
listen 127.0.0.1:${proxy.port};
location / { proxy_pass ${site}; }
${fitted(examplesOf("own-domain", "nginx")[0], { [THEIR_WEIR]: weir })}
}`,
  caddy: (weir, site) => (proxy) =>
    fitted(examplesOf("own-domain", "caddyfile")[0], {
      [THEIR_WEIR]: weir,
      "example.com": `http://localhost:${proxy.port}`,
      "# What the site had before.": `reverse_proxy ${new URL(site).host}`,
    }),
};

/** The guide's examples for a host of Weir's own; `isBehind`: Cloudflare is in front. */
const HTTPS = {
  nginx: (weir) => async (proxy) => {
    const { certificate, key } = await certificateIn(proxy.folder);
    return fitted(examplesOf("https", "nginx")[0], {
      [THEIR_WEIR]: weir,
      "listen 443": `listen 127.0.0.1:${proxy.port}`,
      "server_name stats.example.com": "server_name localhost",
      "/etc/letsencrypt/live/stats.example.com/fullchain.pem": certificate,
      "/etc/letsencrypt/live/stats.example.com/privkey.pem": key,
    });
  },
  caddy:
    (weir, isBehind = false) =>
    (proxy) =>
      fitted(examplesOf("https", "caddyfile")[isBehind ? 2 : 0], {
        [THEIR_WEIR]: weir,
        "stats.example.com": `localhost:${proxy.port}`,
        ...(isBehind && { "173.245.48.0/20": `${CLOUDFLARE}/32` }),
      }),
};

/** Of the loopback network; only the first is a proxy that Weir trusts. */
const [PROXY, VISITOR, OTHER, CLOUDFLARE] = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"];

const startWeir = (settings) =>
  Weir.start(async (starting) => {
    starting.settings = settings;
    await starting.addSite("localhost");
    await starting.addUser(EMAIL, PASSWORD);
  });

/** By https, once its certificate is there, which may be a moment later than its port. */
async function startHttps(program, weir, isBehind) {
  const proxy = await WebServer.start(program, HTTPS[program](`127.0.0.1:${weir.port}`, isBehind));
  const origin = `https://localhost:${proxy.port}`;
  const health = () => ask(origin, "/_health").catch(() => ({}));
  await eventually("the certificate", health, ({ status }) => status === 200);
  return { proxy, origin };
}

/** Views as a tracker sends them, each with what this visitor claims of himself. */
async function view(origin, path, from, claims) {
  for (const claimed of claims) {
    const events = [{ type: "pageview", url: "http://localhost/", timestamp: Date.now() }];
    const headers = { "User-Agent": PHONE, "Content-Type": "text/plain", ...claimed };
    const answer = await ask(origin, path, {
      from,
      method: "POST",
      headers,
      body: JSON.stringify({ events }),
    });
    assert.equal(`${answer.status} ${answer.bytes}`, '202 {"accepted":1,"dropped":[]}');
  }
}

/** The https guide's ways to have nothing noted of requests that Weir does not answer. */
const SILENT = {
  nginx: (dead) => (proxy) => {
    const [line] = /error_log \S+ crit;/.exec(textOfGuide("https"));
    return `server {
listen 127.0.0.1:${proxy.port};
${fitted(examplesOf("own-domain", "nginx")[0], { [THEIR_WEIR]: dead, "access_log off;": `access_log off; ${line}` })}
}`;
  },
  caddy: (dead) => (proxy) =>
    examplesOf("https", "caddyfile")[1] +
    fitted(examplesOf("own-domain", "caddyfile")[0], {
      [THEIR_WEIR]: dead,
      "example.com": `\nhttp://localhost:${proxy.port}`,
    }),
};

const LIES = [
  {},
  { "X-Forwarded-For": "198.51.100.1" },
  { "X-Forwarded-For": "198.51.100.2, 198.51.100.3" },
  { Forwarded: "for=198.51.100.4", "X-Real-IP": "198.51.100.5", "CF-Connecting-IP": "198.51.100.6" },
];

for (const program of ["nginx", "caddy"]) {
  suite(`${program} on the site's own domain`, { skip: whyNoServer || whyNo(program) }, () => {
    let weir;
    let site;
    let proxy;
    let origin;
    before(async () => {
      weir = await startWeir({ WEIR_TRUSTED_PROXIES: PROXY });
      site = await website(weir.origin);
      proxy = await WebServer.start(program, OWN_DOMAIN[program](`127.0.0.1:${weir.port}`, own(site)));
      origin = `http://localhost:${proxy.port}`;
    });
    after(async () => {
      await proxy.remove();
      await site.close();
      await weir.remove();
    });

    test("its script is Weir's, compressed and kept as Weir says", async () => {
      for (const encoding of ["gzip", "identity"]) {
        const headers = { "Accept-Encoding": encoding };
        const [direct, proxied] = await Promise.all([
          ask(weir.origin, "/y/api/v1/weir.js", { headers }),
          ask(origin, "/s/weir.js", { headers }),
        ]);
        assert.deepEqual(kept(proxied), kept(direct));
        assert.equal(proxied.headers["cache-control"], "public, max-age=3600");
        assert.equal(proxied.headers["content-encoding"], encoding === "gzip" ? "gzip" : undefined);
        const again = { ...headers, "If-None-Match": proxied.headers.etag };
        assert.equal((await ask(origin, "/s/weir.js", { headers: again })).status, 304);
      }
    });

    test("the guide's own check answers as it says", async () => {
      const [body, answer] = checkOf("own-domain", "https://example.com/");
      const headers = { "User-Agent": "curl/8.0", "Content-Type": "application/x-www-form-urlencoded" };
      const { status, bytes } = await ask(origin, "/s/events", { method: "POST", headers, body });
      assert.equal(`${status} ${bytes}`, `202 ${answer}`);
    });

    test("a browser is counted, and asks nobody but the site", { skip: whyNoBrowser }, async () => {
      const tag = fitted(examplesOf("own-domain", "html")[0], { "https://example.com": origin });
      site.answers["/"] = `<!doctype html><title>Shop</title>${tag}`;
      const browser = await launch();
      const page = await (await visitor(browser)).newPage();
      const asked = [];
      page.on("request", (request) => asked.push(request.url()));
      await page.goto(`${origin}/`);
      await page.waitForFunction(() => window.weir?.track);
      await page.evaluate(() => window.weir.track("signup"));
      await eventually(
        "counted",
        () => weir.figures("visitors", "pageviews", "events"),
        ({ events }) => events === 2,
      );
      await browser.close();
      assert.deepEqual([...new Set(asked.map((url) => new URL(url).origin))], [origin]);
    });

    test("visitors are told apart by where they come from, whatever they claim", async () => {
      const known = (await weir.figures("visitors")).visitors;
      await view(origin, "/s/events", VISITOR, LIES);
      await view(origin, "/s/events", OTHER, LIES);
      await weir.settled();
      assert.equal((await weir.figures("visitors")).visitors, known + 2);
    });

    test("it writes down no visit", async () => {
      const written = await proxy.written();
      for (const secret of ["/s/events", "/s/weir.js", VISITOR, OTHER])
        assert.equal(written.includes(secret), false, written);
    });
  });

  suite(`${program} on the site's own domain, by what Weir gets`, { skip: whyNo(program) }, () => {
    let answer;
    let asked;
    let recorder;
    let site;
    let proxy;
    let origin;
    before(async () => {
      recorder = await serve(async (request, response) => {
        asked.push({ url: request.url, headers: request.headers, body: await textOf(request) });
        response.writeHead(answer.status, answer.headers).end(answer.body);
      });
      site = await website("http://localhost");
      proxy = await WebServer.start(program, OWN_DOMAIN[program](`127.0.0.1:${recorder.port}`, own(site)));
      origin = `http://localhost:${proxy.port}`;
    });
    after(async () => {
      await proxy.remove();
      await site.close();
      await recorder.close();
    });
    const answers = (given) => {
      answer = given;
      asked = [];
    };

    test("the site's cookies stay at the site, and the browser's own words arrive", async () => {
      answers({ status: 202, headers: {}, body: "{}" });
      const own = {
        "User-Agent": PHONE,
        Origin: "http://localhost",
        Referer: "http://localhost/a",
        DNT: "1",
      };
      const headers = { ...own, Cookie: "session=secret" };
      await ask(origin, "/s/events", { method: "POST", headers, body: "{}" });
      await ask(origin, "/s/weir.js", { headers });
      assert.deepEqual(
        asked.map(({ url }) => url),
        ["/x/api/v1/events", "/y/api/v1/weir.js"],
      );
      for (const { headers: arrived } of asked) {
        assert.equal(arrived.cookie, undefined);
        for (const [name, value] of Object.entries(own)) assert.equal(arrived[name.toLowerCase()], value);
      }
    });

    test("a refusal comes back with its status, its wait and its words", async () => {
      const headers = {
        "Retry-After": "7",
        "Content-Type": "application/json",
        "Access-Control-Allow-Origin": "*",
      };
      for (const status of [400, 413, 429, 503]) {
        answers({ status, headers, body: '{"error":"not now"}' });
        const refused = await ask(origin, "/s/events", { method: "POST", body: "{}" });
        assert.deepEqual([refused.status, `${refused.bytes}`], [status, answer.body]);
        for (const [name, value] of Object.entries(headers))
          assert.equal(refused.headers[name.toLowerCase()], value);
      }
    });

    test("a delivery of 64 KB arrives whole", async () => {
      answers({ status: 202, headers: {}, body: "{}" });
      const body = "x".repeat(65_536);
      await ask(origin, "/s/events", { method: "POST", body });
      assert.deepEqual(
        asked.map((request) => request.body.length),
        [body.length],
      );
    });

    test("nothing else of Weir's is at the site", async () => {
      answers({ status: 200, headers: {}, body: "Weir" });
      const paths = `/ /login /_health /_metrics /api/v2/query /x/api/v1/events /x/api/v1/me /y/api/v1/weir.js
        /s /s/ /s/events/ /s/events/../../_health /s/events/..%2f..%2f_health /s/weir.js/../../login /s/x;/../../login
        /s/events/x /js/script.js`.split(/\s+/);
      for (const path of paths) await ask(origin, path, { method: "POST", body: "{}" });
      assert.deepEqual(asked, []);
    });
  });

  suite(`${program} with a host of Weir's own, by https`, { skip: whyNoServer || whyNo(program) }, () => {
    let weir;
    let proxy;
    let origin;
    before(async () => {
      weir = await startWeir({ WEIR_TRUSTED_PROXIES: PROXY });
      ({ proxy, origin } = await startHttps(program, weir));
      await view(origin, "/x/api/v1/events", VISITOR, [{}]);
    });
    after(async () => {
      await proxy.remove();
      await weir.remove();
    });

    test("the guide's own check answers as it says", async () => {
      assert.equal(JSON.parse((await ask(origin, "/_health")).bytes).status, "ok");
      const [body, answer] = checkOf("https", "https://example.com/");
      const headers = { "User-Agent": "curl/8.0", "Content-Type": "application/x-www-form-urlencoded" };
      const { status, bytes } = await ask(origin, "/x/api/v1/events", {
        method: "POST",
        headers,
        body,
      });
      assert.equal(`${status} ${bytes}`, `202 ${answer}`);
    });

    test("the dashboard shows a visit by itself, to who has logged in", { skip: whyNoBrowser }, async () => {
      const site = await website(origin);
      const browser = await launch();
      const owner = await visitor(browser, { ignoreHTTPSErrors: true });
      const page = await owner.newPage();
      await page.goto(`${origin}/login`);
      await page.getByLabel("Email").fill(EMAIL);
      await page.getByLabel("Password").fill(PASSWORD);
      await page.getByRole("button", { name: "Log in" }).click();
      await page.waitForURL((url) => url.pathname !== "/login");
      const [cookie] = await owner.cookies();
      assert.deepEqual([cookie.name, cookie.secure], ["__Host-weir_session", true]);
      await page.goto(`${origin}/localhost?period=day`);
      const screen = new Screen(page);
      await screen.shows({ figures: { "Page views": "1" } });
      const guest = await visitor(browser, { ignoreHTTPSErrors: true });
      await (await guest.newPage()).goto(`${site.origin}/shown`);
      await screen.shows({
        now: "2 visitors right now",
        figures: { "Page views": "2" },
        Pages: { "/": 1, "/shown": 1 },
      });
      await browser.close();
      await site.close();
    });

    test("visitors are told apart by where they come from, whatever they claim", async () => {
      await weir.settled();
      const known = (await weir.figures("visitors")).visitors;
      await view(origin, "/x/api/v1/events", VISITOR, LIES);
      await view(origin, "/x/api/v1/events", OTHER, LIES);
      await weir.settled();
      assert.equal((await weir.figures("visitors")).visitors, known + 1);
    });

    test("a delivery that is too large is refused in Weir's own words", async () => {
      const refused = await ask(origin, "/x/api/v1/events", { method: "POST", body: "x".repeat(70_000) });
      assert.equal(refused.status, 413);
      assert.ok(JSON.parse(refused.bytes).error);
    });

    test("it writes down no visit", async () => {
      const written = await proxy.written();
      for (const secret of ["/x/api", "/y/api", VISITOR, OTHER])
        assert.equal(written.includes(secret), false, written);
    });
  });

  test(`${program} notes no visit while Weir is down, told so`, { skip: whyNo(program) }, async (t) => {
    const proxy = await WebServer.start(program, SILENT[program](`127.0.0.1:${await freePort()}`));
    t.after(() => proxy.remove());
    const refused = await ask(`http://localhost:${proxy.port}`, "/s/events", {
      from: VISITOR,
      method: "POST",
      body: "{}",
    });
    await proxy.stop();
    assert.equal(refused.status, 502);
    const written = await proxy.written();
    assert.equal(written.includes(VISITOR), false, written);
  });

  suite(`${program} behind Cloudflare`, { skip: whyNoServer || whyNo(program) }, () => {
    for (const [name, trusted, visitors] of [
      ["visitors have the address that Cloudflare says", `${PROXY},${CLOUDFLARE}`, 2],
      ["they are one, where Weir does not trust it", PROXY, 1],
    ]) {
      test(name, async (t) => {
        const weir = await startWeir({ WEIR_TRUSTED_PROXIES: trusted });
        t.after(() => weir.remove());
        const { proxy, origin } = await startHttps(program, weir, true);
        t.after(() => proxy.remove());
        const claims = ["203.0.113.1", "203.0.113.2", "198.51.100.1, 203.0.113.2"];
        const lines = claims.map((claim) => ({ "X-Forwarded-For": claim }));
        await view(origin, "/x/api/v1/events", CLOUDFLARE, lines);
        await weir.settled();
        assert.deepEqual(await weir.figures("visitors"), { visitors });
      });
    }
  });
}

suite("a Worker's code", () => {
  test("passes script and visits on to Weir without cookies, and all else to the site", async () => {
    const asked = [];
    const record = (name) => (request, response) => {
      asked.push([name, request.method, request.url, request.headers.cookie, request.headers["user-agent"]]);
      response.writeHead(503, { "Retry-After": "7" }).end("later");
    };
    const weir = await serve(record("Weir"));
    const site = await serve(record("the site"));
    const code = fitted(examplesOf("own-domain", "js")[0], {
      "https://stats.example.com": `http://127.0.0.1:${weir.port}`,
    });
    const { default: worker } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
    const send = (path, method, body) =>
      worker.fetch(
        new Request(`http://127.0.0.1:${site.port}${path}`, {
          method,
          body,
          headers: { Cookie: "session=secret", "User-Agent": PHONE },
        }),
      );
    await send("/s/weir.js", "GET");
    const refused = await send("/s/events", "POST", "{}");
    await send("/s/other", "GET");
    assert.deepEqual(asked, [
      ["Weir", "GET", "/y/api/v1/weir.js", undefined, PHONE],
      ["Weir", "POST", "/x/api/v1/events", undefined, PHONE],
      ["the site", "GET", "/s/other", "session=secret", PHONE],
    ]);
    assert.deepEqual(
      [refused.status, refused.headers.get("Retry-After"), await refused.text()],
      [503, "7", "later"],
    );
    await weir.close();
    await site.close();
  });
});

/** Where the proxy reaches the site. */
const own = (site) => site.origin.replace("localhost", "127.0.0.1");

/** What of an answer must not change on its way. */
const kept = ({ status, headers, bytes }) => {
  const names = ["content-type", "content-encoding", "content-length", "cache-control", "etag", "vary"];
  return [status, ...names.map((name) => headers[name]), bytes.toString("base64")];
};

/** The body that a guide's check sends, for the site of this test, and the answer that it promises. */
function checkOf(guide, theirSite) {
  const [[, body]] = examplesOf(guide, "sh").map((code) => /-d '([^']+)'/.exec(code));
  return [fitted(body, { [theirSite]: "http://localhost/" }), '{"accepted":1,"dropped":[]}'];
}

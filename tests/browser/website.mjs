import { serve } from "./loopback.mjs";

/**
 * A site with a page at every address, on a host other than the ingest server's: the page is `localhost`,
 * the server `127.0.0.1`, so every delivery crosses origins.
 */
export async function website(ingestOrigin) {
  const site = {
    /** Which script, and the attributes of its tag. */
    script: "weir.js",
    tag: {},
    headers: {},
    status: 200,
    /** What stands before the script, and after it. */
    head: "",
    body: "<p>A page.</p>",
    /** What stands at some addresses in place of the page. */
    answers: {},
    /** What was asked for: { url, headers }. */
    requests: [],
  };
  const attributes = () =>
    Object.entries(site.tag)
      .map(([name, value]) => ` ${name}="${value}"`)
      .join("");
  const { port, close } = await serve(({ url, headers }, response) => {
    site.requests.push({ url, headers });
    if (site.answers[url]) return response.end(site.answers[url]);
    response.writeHead(site.status, { "Content-Type": "text/html; charset=utf-8", ...site.headers });
    response.end(`<!doctype html><html lang="en"><title>Shop</title>
<script nonce="own">
  window.weir = window.weir || { q: [] };
  addEventListener("pageshow", (event) => { window.cameBack = event.persisted; });
</script>
${site.head}
<script defer src="${ingestOrigin}/y/api/v1/${site.script}"${attributes()}></script>
${site.body}</html>`);
  });
  return Object.assign(site, { origin: `http://localhost:${port}`, close });
}

/** Comes to the site's first page by a link on another site; the address of that without its query. */
export async function comeByLink(page, site) {
  const story = `http://shop.test:${new URL(site.origin).port}/story`;
  // A browser tells another site no more than the host, unless the page wants more to be told.
  const head = `<!doctype html><meta name="referrer" content="unsafe-url">`;
  site.answers["/story?x=1"] = `${head}<a href="${site.origin}/">Shop</a>`;
  await page.goto(`${story}?x=1`);
  await Promise.all([page.waitForURL(`${site.origin}/`), page.click("a")]);
  return story;
}

/** As by the browser's own button. A driver may wait for the load that a page from the cache does not have. */
export const goBackByCache = (page) => page.evaluate(() => setTimeout(() => history.back()));

import { serve } from "./loopback.mjs";

/**
 * A site with a page at every address, on a host other than the ingest server's: the page is `localhost`,
 * the server `127.0.0.1`, so every delivery crosses origins.
 */
export async function website(ingestOrigin) {
  const site = { tag: {}, headers: {} };
  const attributes = () =>
    Object.entries(site.tag)
      .map(([name, value]) => ` ${name}="${value}"`)
      .join("");
  const { port, close } = await serve((_request, response) => {
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", ...site.headers });
    response.end(`<!doctype html><html lang="en"><title>Shop</title>
<script>
  window.weir = window.weir || { q: [] };
  addEventListener("pageshow", (event) => { window.cameBack = event.persisted; });
</script>
<script defer src="${ingestOrigin}/y/api/v1/sdk.js"${attributes()}></script>
<p>A page.</p></html>`);
  });
  return Object.assign(site, { origin: `http://localhost:${port}`, close });
}

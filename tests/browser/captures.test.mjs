// What the tracker captures without a call, in a real browser.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, suite, test } from "node:test";
import { launch, whyNoBrowser } from "./browser.mjs";
import { eventually } from "./loopback.mjs";
import { Stage } from "./stage.mjs";

/** The page's own code keeps its visitor where he is. */
const STAY = `<script>addEventListener("click", (event) => event.preventDefault());</script>`;
const KEEP = `<script>addEventListener("submit", (event) => event.preventDefault());</script>`;

suite("what is captured", { skip: whyNoBrowser }, () => {
  let browser;
  let stage;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());
  beforeEach(async () => {
    stage = await Stage.set(browser);
  });
  afterEach(() => stage.end());

  /** Clicks what has the id x: the custom events of that, as [name, properties]. */
  function checkClick(name, { capture = "all", html, tag = {}, button = "left" }, expected) {
    test(name, async () => {
      await stage.open({ body: STAY + html, tag: { "data-capture": capture, ...tag } });
      await stage.press("#x", { button });
      assert.deepEqual(await stage.custom(), expected(stage.site.origin));
    });
  }

  suite("a click on", () => {
    checkClick("a button", { html: "<button id=x>Buy now</button>" }, () => [["click", { element: "x" }]]);
    checkClick("what is inside a button", { html: "<button name=buy><b id=x>Buy</b></button>" }, () => [
      ["click", { element: "buy" }],
    ]);
    checkClick("an element with the role of a button", { html: "<div role=button id=x>Buy</div>" }, () => [
      ["click", { element: "x" }],
    ]);
    checkClick("a link of the site", { html: `<a id=x href="/prices?token=1#top">Prices</a>` }, (site) => [
      ["click", { url: `${site}/prices`, element: "x" }],
    ]);
    checkClick("a drawn link", { html: `<svg><a id=x href="/a"><text y=20>A</text></a></svg>` }, (site) => [
      ["click", { url: `${site}/a`, element: "x" }],
    ]);
    checkClick("plain text is none", { html: "<p id=x>Text</p>" }, () => []);
    checkClick(
      "a button, which was not asked for, is none",
      { html: "<button id=x>Buy</button>", capture: "forms" },
      () => [],
    );
    checkClick(
      "a button with the right mouse button is none",
      { html: "<button id=x>Buy</button>", button: "right" },
      () => [],
    );
    checkClick(
      "a button that is to be ignored is none",
      { html: "<nav data-weir-ignore><button id=x>Buy</button></nav>" },
      () => [],
    );
    checkClick(
      "a link to another host",
      { html: `<a id=x href="https://Other.example/a?mail=me#b">Other</a>` },
      () => [["outbound", { url: "https://other.example/a", element: "x" }]],
    );
    checkClick(
      "a link to the same host with www",
      { html: `<a id=x href="http://www.localhost/a">Same</a>` },
      () => [["click", { url: "http://www.localhost/a", element: "x" }]],
    );
    checkClick(
      "a link that writes a letter tells no address",
      { html: `<a id=x href="mailto:me@example.com">Me</a>` },
      () => [["click", { element: "x" }]],
    );
    checkClick("a link to a file", { html: `<a id=x href="/a/Report.PDF?v=2">PDF</a>` }, (site) => [
      ["download", { url: `${site}/a/Report.PDF`, element: "x" }],
    ]);
    checkClick(
      "a link to a file on another host is one event",
      { html: `<a id=x href="https://cdn.example/a.zip">Zip</a>` },
      () => [["download", { url: "https://cdn.example/a.zip", element: "x" }]],
    );
    checkClick(
      "a link with the attribute download",
      { html: `<a id=x download href="/report">Report</a>` },
      (site) => [["download", { url: `${site}/report`, element: "x" }]],
    );
    checkClick(
      "a file of the site's own list",
      { html: `<a id=x href="/a.stl">3D</a>`, capture: "downloads", tag: { "data-downloads": "stl,obj" } },
      (site) => [["download", { url: `${site}/a.stl`, element: "x" }]],
    );
    checkClick(
      "a file that is not on the site's own list is none",
      { html: `<a id=x href="/a.pdf">PDF</a>`, capture: "downloads", tag: { "data-downloads": "stl" } },
      () => [],
    );
    checkClick(
      "a link to another host by the middle button",
      {
        html: `<a id=x target=_self href="https://other.example/">Other</a>`,
        button: "middle",
        capture: "outbound",
      },
      () => [["outbound", { url: "https://other.example/", element: "x" }]],
    );
    checkClick(
      "a marked element, whatever is captured",
      {
        capture: "",
        html: `<p id=x data-weir-event="Sign up" data-weir-prop-plan="gold" data-weir-prop-seats="3">Sign up</p>`,
      },
      () => [["Sign up", { plan: "gold", seats: "3" }]],
    );
    checkClick(
      "a marked button is its own event and no other",
      { html: `<button id=x data-weir-event="try">Try</button>` },
      () => [["try", {}]],
    );
    checkClick(
      "a marked link tells where to",
      { html: `<a data-weir-event="docs" href="/docs"><i id=x>Docs</i></a>` },
      (site) => [["docs", { url: `${site}/docs` }]],
    );
    checkClick(
      "a button in a form with an input of an evil name",
      {
        html: `<form><input name=matches><input name=getAttribute><button type=button id=x>B</button></form>`,
      },
      () => [["click", { element: "x" }]],
    );
  });

  suite("the label of a button", () => {
    const html = "<button id=x>  Buy\n <b>now</b> </button>";
    checkClick("is not told", { html }, () => [["click", { element: "x" }]]);
    checkClick("is told where the site asks for it", { html, tag: { "data-text": "" } }, () => [
      ["click", { element: "x", text: "Buy now" }],
    ]);
    checkClick(
      "is told where the element asks for it",
      { html: "<button id=x data-weir-text>Buy</button>" },
      () => [["click", { element: "x", text: "Buy" }]],
    );
    checkClick(
      "is a hundred characters at most",
      { html: `<button id=x data-weir-text>${"a".repeat(101)}</button>` },
      () => [["click", { element: "x", text: "a".repeat(100) }]],
    );
    checkClick(
      "is not told where it can be edited",
      { html: "<div role=button id=x contenteditable data-weir-text>mine</div>" },
      () => [["click", { element: "x" }]],
    );
  });

  test("a purchase by a marked element has its revenue", async () => {
    const html = `${STAY}<a id=x href="/buy" data-weir-event=purchase data-weir-amount=12.34 data-weir-currency=EUR>Buy</a>`;
    await stage.open({ body: html });
    await stage.page.click("#x");
    await stage.counted();
    const [purchase] = stage.events.filter(({ name }) => name === "purchase");
    assert.deepEqual(purchase.revenue, { amount: "12.34", currency: "EUR" });
  });

  test("purchases and custom events carry what they were given, with its types", async () => {
    await stage.open({});
    await stage.evaluate(() => {
      window.weir.purchase(9.5, "JPY", { first: true, seats: 3, code: null });
      window.weir.track("signup", { plan: "gold", trial: false, days: 14 });
    });
    assert.deepEqual(await stage.custom(), [
      ["purchase", { first: true, seats: 3, code: null }],
      ["signup", { plan: "gold", trial: false, days: 14 }],
    ]);
    assert.deepEqual(stage.events.find(({ name }) => name === "purchase").revenue, {
      amount: 9.5,
      currency: "JPY",
    });
  });

  test("a form tells that it was sent, and nothing of what is in it", async () => {
    const fields = `<input name=user autocomplete=username><input type=password name=pass autocomplete=current-password><textarea name=note></textarea>
      <div id=edit contenteditable role=button></div><select name=s><option>private</select>`;
    const body = `${KEEP}<form id=login>${fields}<button>Go</button></form>`;
    await stage.open({ body, tag: { "data-capture": "all", "data-text": "" } });
    for (const field of ["[name=user]", "[name=pass]", "[name=note]", "#edit"])
      await stage.page.fill(field, "private");
    await stage.page.click("#edit");
    await stage.page.click("text=Go");
    assert.deepEqual(await stage.custom(), [
      ["click", { element: "edit" }],
      ["form", { element: "login" }],
    ]);
    assert.equal(JSON.stringify(stage.ingest.deliveries).includes("private"), false);
  });

  test("a form whose inputs have evil names is told of as well", async () => {
    const evil = ["id", "getAttribute", "matches", "closest", "attributes", "nodeType", "elements"];
    const body = `${KEEP}<form id=odd>${evil.map((name) => `<input name=${name}>`).join("")}<button>Go</button></form>`;
    await stage.open({ body, tag: { "data-capture": "all" } });
    await stage.press("button");
    assert.deepEqual(await stage.custom(), [["form", { element: "odd" }]]);
  });

  test("a marked form is its own event, and one that is not valid is none", async () => {
    const body = `${KEEP}<form data-weir-event=letter data-weir-prop-list=weekly><input required name=mail><button>Go</button></form>`;
    await stage.open({ body, tag: { "data-capture": "all" } });
    await stage.page.click("text=Go");
    assert.deepEqual(await stage.custom(), []);
    await stage.page.fill("input", "me@example.com");
    await stage.page.click("text=Go");
    assert.deepEqual(await stage.custom(), [["letter", { list: "weekly" }]]);
  });

  test("a form that loads the next page is told of as it goes", async () => {
    const body = `<form id=search action="/found"><input name=q><button>Go</button></form>`;
    await stage.open({ body, tag: { "data-capture": "forms" } });
    await stage.page.fill("input", "x");
    await Promise.all([stage.page.waitForURL("**/found?q=x"), stage.page.click("text=Go")]);
    assert.deepEqual(await stage.custom(), [["form", { element: "search" }]]);
  });

  suite("what a click does is left as it is:", () => {
    const LINK = `<a id=x href="/next">Next</a>`;
    const tag = { "data-capture": "all" };
    const untouched = () =>
      stage.evaluate(() => {
        addEventListener("click", (event) => {
          window.prevented = event.defaultPrevented;
        });
      });

    test("a plain click goes to the next page, and is counted", async () => {
      await stage.open({ body: LINK, tag });
      await Promise.all([stage.page.waitForURL("**/next"), stage.page.click("#x")]);
      assert.deepEqual(await stage.counted(), ["/", "click", "/next"]);
    });

    for (const [name, body, options] of [
      ["with the control key a new tab is opened", LINK, { modifiers: ["Control"] }],
      ["with the shift key a new window is opened", LINK, { modifiers: ["Shift"] }],
      ["the middle button opens a new tab", LINK, { button: "middle" }],
      ["a target opens a new tab", `<a id=x target=_blank href="/next">Next</a>`, {}],
    ]) {
      test(name, async () => {
        await stage.open({ body, tag });
        await untouched();
        const [tab] = await Promise.all([
          stage.context.waitForEvent("page"),
          stage.page.click("#x", options),
        ]);
        await tab.waitForURL("**/next");
        assert.equal(stage.page.url(), `${stage.site.origin}/`);
        assert.deepEqual(await stage.custom(), [
          ["click", { url: `${stage.site.origin}/next`, element: "x" }],
        ]);
        assert.notEqual(await stage.evaluate(() => window.prevented), true);
      });
    }

    test("a download is downloaded", async () => {
      await stage.open({ body: `<a id=x download=a.txt href="data:text/plain,a">A</a>`, tag });
      await Promise.all([stage.page.waitForEvent("download"), stage.page.click("#x")]);
      assert.deepEqual(await stage.custom(), [["download", { element: "x" }]]);
    });

    test("a router's link is the router's", async () => {
      const router = `<script>addEventListener("click", (event) => {
        event.preventDefault();
        event.stopImmediatePropagation();
        history.pushState({}, "", event.target.href);
      }, true);</script>`;
      await stage.open({ body: LINK, head: router, tag });
      await stage.page.click("#x");
      assert.deepEqual(await stage.counted(), ["/", "/next"]);
    });

    test("a router that hears in the bubbling phase leaves the click to be counted", async () => {
      const router = `<script>addEventListener("click", (event) => {
        event.preventDefault();
        history.pushState({}, "", event.target.href);
      });</script>`;
      await stage.open({ body: LINK, head: router, tag });
      await stage.page.click("#x");
      assert.deepEqual(await stage.counted(), ["/", "click", "/next"]);
    });
  });

  suite("elements added later", () => {
    test("are captured like any other, also in a shadow tree", async () => {
      await stage.open({ tag: { "data-capture": "clicks" } });
      await stage.evaluate(() => {
        const button = document.body.appendChild(document.createElement("button"));
        button.id = "late";
        const host = document.body.appendChild(document.createElement("div"));
        host.attachShadow({ mode: "open" }).innerHTML = "<button id=inner>In</button>";
      });
      await stage.page.click("#late");
      await stage.page.click("#inner");
      assert.deepEqual(await stage.custom(), [
        ["click", { element: "late" }],
        ["click", { element: "inner" }],
      ]);
    });

    test("are seen as sections, once", async () => {
      await stage.open({});
      await stage.evaluate(() => {
        document.body.insertAdjacentHTML(
          "beforeend",
          "<section data-weir-section=late data-weir-prop-a=1>Late</section>",
        );
      });
      await stage.customAre([["section", { section: "late", a: "1" }]]);
    });

    test("and elements marked later as well", async () => {
      await stage.open({ body: "<section id=named>Here</section>" });
      await stage.evaluate(() => document.querySelector("section").setAttribute("data-weir-section", ""));
      await stage.customAre([["section", { section: "named" }]]);
    });
  });

  suite("sections", () => {
    const tall = (height, name, more = "") =>
      `<section style="height:${height}px" data-weir-section="${name}" ${more}>S</section>`;
    const scrollTo = (y) => stage.evaluate((to) => window.scrollTo(0, to), y);

    test("are seen when half of them is in sight, and once a view", async () => {
      await stage.open({ body: tall(100, "top") + tall(3000, "") + tall(400, "end") });
      await stage.customAre([["section", { section: "top" }]].concat([["section", {}]]));
      await scrollTo(5000);
      const all = [
        ["section", { section: "top" }],
        ["section", {}],
        ["section", { section: "end" }],
      ];
      await stage.customAre(all);
      await scrollTo(0);
      await scrollTo(5000);
      assert.deepEqual(await stage.custom(), all);
    });

    test("taller than the window are seen when they fill half of it", async () => {
      await stage.open({
        body: `<div style="height:500px"></div>${tall(9000, "long")}<div style="height:3000px">`,
      });
      assert.deepEqual(await stage.custom(), []);
      await scrollTo(450);
      await stage.customAre([["section", { section: "long" }]]);
    });

    test("may ask for another share", async () => {
      await stage.open({
        body: `<div style="height:620px"></div>${tall(400, "late", "data-weir-share=0.9")}${tall(900, "rest")}`,
      });
      await scrollTo(200);
      await stage.evaluate(() => new Promise((done) => setTimeout(done, 400)));
      assert.deepEqual(await stage.custom(), []);
      await scrollTo(330);
      await stage.customAre([["section", { section: "late" }]]);
    });

    test("are seen again in the next view", async () => {
      await stage.open({ body: tall(100, "top") });
      await stage.customAre([["section", { section: "top" }]]);
      await stage.evaluate(() => history.pushState({}, "", "/two"));
      await stage.customAre([
        ["section", { section: "top" }],
        ["section", { section: "top" }],
      ]);
    });
  });

  test("scroll depth is told at each mark, once a view", async () => {
    const scrollTo = (share) =>
      stage.evaluate(async (to) => {
        const most = document.documentElement.scrollHeight - innerHeight;
        window.scrollTo(0, to * most);
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      }, share);
    const depths = async () => (await stage.custom()).map(([name, { depth }]) => `${name} ${depth}`);
    await stage.open({ body: `<div style="height:20000px">Long</div>`, tag: { "data-capture": "scroll" } });
    assert.deepEqual(await depths(), []);
    await scrollTo(0.3);
    assert.deepEqual(await depths(), ["scroll 25"]);
    await scrollTo(0.1);
    await scrollTo(1);
    await scrollTo(0);
    await scrollTo(1);
    assert.deepEqual(await depths(), ["scroll 25", "scroll 50", "scroll 75", "scroll 100"]);
    await stage.evaluate(() => history.pushState({}, "", "/two"));
    await scrollTo(0.6);
    assert.deepEqual((await depths()).slice(4), ["scroll 25", "scroll 50"]);
    assert.ok(
      stage.events.filter(({ name }) => name === "scroll").every(({ interactive }) => interactive === false),
    );
  });

  suite("a page that was not found", () => {
    const MARK = "<main data-weir-404>Nothing here</main>";

    test("is told by the server's answer, where the site asks for it", async () => {
      await stage.open({ status: 404, tag: { "data-capture": "404" } });
      assert.deepEqual(await stage.counted(), ["/", "404"]);
      await stage.evaluate(() => history.pushState({}, "", "/there"));
      assert.deepEqual(await stage.counted(), ["/", "404", "/there"]);
    });

    test("is not told of otherwise", async () => {
      await stage.open({ status: 404, tag: { "data-capture": "clicks" } });
      assert.deepEqual(await stage.custom(), []);
    });

    test("is told once where the page says so as well", async () => {
      await stage.open({
        status: 404,
        body: `${MARK}<p data-weir-section=s>S</p>`,
        tag: { "data-capture": "404" },
      });
      await eventually(
        "looked through",
        () => stage.custom(),
        (seen) => seen.length === 2,
      );
      assert.deepEqual(
        (await stage.custom()).map(([name]) => name),
        ["404", "section"],
      );
    });

    test("is told by a mark that a router puts there", async () => {
      await stage.open({});
      await stage.evaluate((mark) => {
        history.pushState({}, "", "/nowhere");
        document.body.innerHTML = mark;
      }, MARK);
      await stage.customAre([["404", {}]]);
      await stage.evaluate(() => history.pushState({}, "", "/still-nowhere"));
      await stage.evaluate((mark) => {
        document.body.innerHTML = mark;
      }, MARK);
      await stage.customAre([
        ["404", {}],
        ["404", {}],
      ]);
    });
  });

  test("a site that routes by hash has a view for each route", async () => {
    await stage.open({ path: "/#/home", tag: { "data-hash": "" } });
    await stage.evaluate(() => {
      location.hash = "#/cart";
    });
    await stage.evaluate(() => {
      location.hash = "#/cart";
    });
    await stage.page.goBack();
    assert.deepEqual(await stage.counted(), ["/#/home", "/#/cart", "/#/home"]);
  });

  test("without that a fragment is no view and never leaves the browser", async () => {
    await stage.open({ path: "/#secret" });
    await stage.evaluate(() => {
      location.hash = "#secret2";
    });
    assert.deepEqual(await stage.counted(), ["/"]);
    assert.equal(JSON.stringify(stage.ingest.deliveries).includes("secret"), false);
  });
});

import { afterEach, describe, expect, test, vi } from "vitest";
import { ApiError, api, type Site } from "../src/api";
import { confirms } from "../src/screens/confirms";
import { doneText } from "../src/screens/refolding";
import { sites } from "../src/session";

const site = (domain: string): Site => ({
  domain,
  timezone: "UTC",
  has_events: true,
  created_at: "",
  visit_timeout_minutes: 30,
  bots: "set-aside",
});

function answering(status: number, body: unknown = { error: "no" }) {
  const response = new Response(status === 204 ? null : JSON.stringify(body), { status });
  return vi.spyOn(globalThis, "fetch").mockResolvedValue(response);
}

afterEach(() => vi.restoreAllMocks());

describe("a site that somebody removed", () => {
  const ask = () => api.query({ site_id: "a.example", metrics: ["visitors"], date_range: "day" });

  test.each([
    [404, ["b.example"]],
    [500, ["a.example", "b.example"]],
    [503, ["a.example", "b.example"]],
  ])("is forgotten on a %d as it should be", async (status, left) => {
    sites.value = { sites: [site("a.example"), site("b.example")], unknown_hosts: [] };
    answering(status);
    await expect(ask()).rejects.toBeInstanceOf(ApiError);
    expect(sites.value.sites.map((one) => one.domain)).toEqual(left);
  });

  test("is asked to go by its own address", async () => {
    const fetched = answering(204);
    await api.removeSite("a.example/b");
    expect(fetched).toHaveBeenCalledWith(
      "/api/sites/a.example%2Fb",
      expect.objectContaining({ method: "DELETE" }),
    );
  });
});

test.each([
  ["example.com", true],
  [" Example.COM ", true],
  ["example.co", false],
  ["", false],
])("%j typed confirms the removal of example.com: %s", (typed, confirmed) => {
  expect(confirms(typed, "example.com")).toBe(confirmed);
});

test.each([
  [0, 0, "Saved."],
  [1, 0, "Saved. 1 day is being counted anew."],
  [90, 0, "Saved. 90 days are being counted anew."],
  [90, 1, "Saved. 90 days are being counted anew. 1 day past the retention keeps the old rule."],
])("%d days to count anew and %d frozen are told", (refolding, frozen, text) => {
  expect(doneText(refolding, frozen)).toBe(text);
});

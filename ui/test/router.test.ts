import { expect, test } from "vitest";
import { redirectOf } from "../src/access";
import { nextPath, routeOf } from "../src/routes";

test.each([
  ["/", { screen: "home" }],
  ["/sites", { screen: "sites" }],
  ["/sites/new", { screen: "new-site" }],
  ["/ledger/", { screen: "ledger" }],
  ["/example.com", { screen: "dashboard", domain: "example.com" }],
  ["/health", { screen: "health" }],
  ["/example.com/install", { screen: "install", domain: "example.com" }],
  ["/example.com/verdicts", { screen: "verdicts", domain: "example.com" }],
  ["/example.com/settings", { screen: "settings", domain: "example.com" }],
  ["/xn--bcher-kva.example", { screen: "dashboard", domain: "xn--bcher-kva.example" }],
  ["/example.com/what", { screen: "missing" }],
  ["/%E0%A4%A", { screen: "missing" }],
])("%s leads to %j", (path, expected) => {
  expect(routeOf(path)).toEqual(expected);
});

test.each([
  ["?next=%2Fexample.com%3Fperiod%3Dday", "/example.com?period=day"],
  ["", "/"],
  ["?next=https://evil.example", "/"],
  ["?next=//evil.example", "/"],
  ["?next=/%5Cevil.example", "/"],
])("after the login %s leads to %s", (search, expected) => {
  expect(nextPath(search)).toBe(expected);
});

test.each([
  ["/", { setup: true, inside: false }, "/setup"],
  ["/setup", { setup: true, inside: false }, null],
  ["/", { setup: false, inside: false }, "/login"],
  ["/example.com", { setup: false, inside: false }, "/login?next=%2Fexample.com"],
  ["/setup", { setup: false, inside: false }, "/login"],
  ["/login", { setup: false, inside: false }, null],
  ["/login", { setup: false, inside: true }, "/"],
  ["/login?next=%2Fledger", { setup: false, inside: true }, "/ledger"],
  ["/login?next=%2Flogin", { setup: false, inside: true }, "/login"],
  ["/setup", { setup: false, inside: true }, "/"],
  ["/example.com", { setup: false, inside: true }, null],
])("at %s with %j the way is to %s", (path, who, expected) => {
  expect(redirectOf(routeOf(path.split("?")[0] ?? path), who, path)).toBe(expected);
});

// The one meaning of every word on the dashboard. The documentation carries the same list.

import type { Metric } from "./format";

export const METRIC_NAMES: Record<Metric, string> = {
  visitors: "Visitors",
  visits: "Visits",
  pageviews: "Page views",
  views_per_visit: "Views per visit",
  bounce_rate: "Bounce rate",
  visit_duration: "Visit duration",
  events: "Events",
};

export const METRIC_MEANINGS: Record<Metric, string> = {
  visitors: "Distinct visitor ids. An id lives for one day, so a day's figure is exact.",
  visits:
    "Events of one visitor with no gap over 30 minutes. What goes on past midnight is no second visit, though its visitor and its views count on both days.",
  pageviews: "Pages that were opened, each time they were opened.",
  views_per_visit: "Page views divided by visits.",
  bounce_rate:
    "Share of visits with exactly one page view and no interactive event. Scrolling and engagement are not interactive.",
  visit_duration:
    "Average over all visits: the time from first to last event, or the engaged time where that is longer.",
  events: "Page views and custom events.",
};

export function metricMeaning(metric: Metric, severalDays: boolean): string {
  if (metric === "visitors" && severalDays) {
    return "Sum of daily visitors: who comes on two days counts on both. Visitor ids live for one day, so nobody can tell.";
  }
  return METRIC_MEANINGS[metric];
}

export const VISITORS_NOW = "Distinct visitors of the last 5 minutes.";

export const PANEL_MEANINGS: Record<string, string> = {
  "event:page":
    "Every page that was seen: its path, with the host before it where that is not the site's own.",
  "visit:entry_page": "The first page view of a visit.",
  "visit:exit_page": "The last page view of a visit.",
  "event:hostname": "Where the tracker runs: the domain and its subdomains.",
  "visit:source":
    "Of the visit's first page view: utm_source, then source, then ref, then the referrer. Own, mail, login and payment hosts count as direct.",
  "visit:channel": "Kind of source: search, social, email, paid and so on.",
  "visit:referrer": "The page that linked here, where the browser says so.",
  "visit:utm_source": "utm_source of the visit's first page view.",
  "visit:utm_medium": "utm_medium of the visit's first page view.",
  "visit:utm_campaign": "utm_campaign of the visit's first page view.",
  "visit:utm_content": "utm_content of the visit's first page view.",
  "visit:utm_term": "utm_term of the visit's first page view.",
  "visit:country": "From the IP address, which is forgotten right after.",
  "visit:device": "Desktop, mobile, tablet, TV or console, by the user agent.",
  "visit:browser": "By the user agent.",
  "visit:os": "Operating system, by the user agent.",
  "event:name": "Custom events, sent by weir.track(name).",
};

export const LEDGER_MEANINGS: Record<string, string> = {
  received: "Events acknowledged to a browser, counted in the transaction that stored them in the queue.",
  stored: "Events in the log that count.",
  set_aside: "Events kept in the log with a reason and not counted: bots, filters, limits.",
  duplicate: "The same event sent again. Counted once, here the other times.",
  erased: "Events deleted at a visitor's request.",
  expired: "Events whose retention is over. Their statistics stay.",
  dead: "Events that could not be processed. They wait for a look, nothing is lost.",
  dropped: "Dead events that somebody gave up on.",
  lost: "Acknowledged events that were in a file which is gone or was replaced by an older copy.",
  pending: "Events safely in the queue, not yet in the statistics.",
};

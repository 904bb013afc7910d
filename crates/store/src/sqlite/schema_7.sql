-- The log of sealed days: a visitor's events in one row, of at most 64. A list of lists:
-- [second after start, page, source, kind, engaged_ms, name, props, set_aside, days_late, currency,
--  amount, client]. What is left out at the end is 0, or nothing.
CREATE TABLE sealed_visitors (
    site INTEGER NOT NULL,
    day INTEGER NOT NULL,           -- days since 1970-01-01, local
    visitor INTEGER NOT NULL,       -- ordinal within the day; 0: events that came without a visitor
    part INTEGER NOT NULL,
    start INTEGER NOT NULL,         -- UTC seconds
    client INTEGER NOT NULL,        -- of all the visitor's events of the day; 0: each has its own
    events TEXT NOT NULL,
    PRIMARY KEY (site, day, visitor, part)
) WITHOUT ROWID;

WITH logged AS (
    SELECT d.day, coalesce(e.visitor + 1, 0) AS who, e.*,
           (row_number() OVER visitors - 1) / 64 AS part,
           CASE WHEN e.visitor IS NOT NULL AND count(*) OVER whole <= 64
                     AND min(e.client) OVER whole = max(e.client) OVER whole THEN e.client ELSE 0 END AS one
    FROM sealed_events e JOIN site_days d ON d.site = e.site AND e.second >= d.start AND e.second < d.end
    WINDOW whole AS (PARTITION BY e.site, d.day, e.visitor),
           visitors AS (whole ORDER BY e.second, e.rank)
), told AS (
    SELECT site, day, who, part, one, second, rank, min(second) OVER (PARTITION BY site, day, who, part) AS start,
           page, source, kind, name, engaged_ms, days_late, coalesce(set_aside, 0) AS set_aside, currency, amount,
           iif(one = 0, client, 0) AS own, props
    FROM logged
)
INSERT INTO sealed_visitors
SELECT site, day, who, part, start, one, json_group_array(json(
    CASE WHEN own <> 0 OR amount IS NOT NULL
              THEN json_array(second - start, page, source, kind, engaged_ms, name, json(coalesce(props, '0')),
                              set_aside, days_late, currency, amount, own)
         WHEN set_aside <> 0 OR days_late <> 0 OR currency <> 0
              THEN json_array(second - start, page, source, kind, engaged_ms, name, json(coalesce(props, '0')),
                              set_aside, days_late, currency)
         WHEN props IS NOT NULL
              THEN json_array(second - start, page, source, kind, engaged_ms, name, json(props))
         WHEN kind <> 0 OR name <> 0 OR engaged_ms <> 0
              THEN json_array(second - start, page, source, kind, engaged_ms, name)
         ELSE json_array(second - start, page, source) END) ORDER BY second, rank)
FROM told GROUP BY site, day, who, part, start, one ORDER BY site, day, who, part;

DROP VIEW v_events;
DROP TABLE sealed_events;

CREATE VIEW v_events AS
SELECT e.site AS website_id,
       datetime(e.second, 'unixepoch') AS time_utc,
       e.visitor,
       CASE e.kind WHEN 0 THEN 'pageview' WHEN 1 THEN 'event' WHEN 2 THEN 'passive' ELSE 'engagement' END AS kind,
       page.text AS page, host.text AS host, name.text AS name, e.props,
       e.amount, currency.text AS currency, e.engaged_ms,
       source.text AS source, referrer.text AS referrer, channel.text AS channel,
       utm_source.text AS utm_source, utm_medium.text AS utm_medium, utm_campaign.text AS utm_campaign,
       utm_content.text AS utm_content, utm_term.text AS utm_term,
       country.text AS country, device.text AS device, browser.text AS browser, os.text AS os,
       e.set_aside
FROM (
    SELECT site, time / 1000 AS second, tie, visitor, page, kind, client, source, name, engaged_ms,
           currency, amount, props, set_aside FROM events
    UNION ALL
    SELECT v.site, v.start + (e.value ->> 0), v.part * 64 + e.key, nullif(v.visitor, 0), e.value ->> 1,
           coalesce(e.value ->> 3, 0), coalesce(nullif(e.value ->> 11, 0), v.client), e.value ->> 2,
           coalesce(e.value ->> 5, 0), coalesce(e.value ->> 4, 0), coalesce(e.value ->> 9, 0),
           e.value ->> 10, nullif(e.value ->> 6, 0), nullif(e.value ->> 7, 0)
    FROM sealed_visitors v, json_each(v.events) e
) e
LEFT JOIN strings page ON page.id = e.page
LEFT JOIN strings host ON host.id = page.host
LEFT JOIN strings name ON name.id = e.name
LEFT JOIN strings currency ON currency.id = e.currency
LEFT JOIN sources s ON s.id = e.source
LEFT JOIN strings source ON source.id = s.source
LEFT JOIN strings referrer ON referrer.id = s.referrer
LEFT JOIN strings channel ON channel.id = s.channel
LEFT JOIN strings utm_source ON utm_source.id = s.utm_source
LEFT JOIN strings utm_medium ON utm_medium.id = s.utm_medium
LEFT JOIN strings utm_campaign ON utm_campaign.id = s.utm_campaign
LEFT JOIN strings utm_content ON utm_content.id = s.utm_content
LEFT JOIN strings utm_term ON utm_term.id = s.utm_term
LEFT JOIN clients c ON c.id = e.client
LEFT JOIN strings country ON country.id = c.country
LEFT JOIN strings device ON device.id = c.device
LEFT JOIN strings browser ON browser.id = c.browser
LEFT JOIN strings os ON os.id = c.os;

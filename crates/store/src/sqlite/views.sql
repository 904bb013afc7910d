-- The tables in words, for people and their tools. `hour` is what a clock at the site showed.
-- `visitors` counts each visitor of a day in the first hour they were seen, so that it adds up to
-- the day; `active_visitors` is distinct within the hour and does not.
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
    SELECT site, second, rank, visitor, page, kind, client, source, name, engaged_ms,
           currency, amount, props, set_aside FROM sealed_events
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

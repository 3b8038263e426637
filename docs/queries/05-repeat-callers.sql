-- Repeat callers: which numbers called again and again?
-- Edit: from how many inbound calls on. Numbers are the same if their last nine digits are.
WITH params AS (
    SELECT 3 AS at_least_calls
),
inbound AS (
    SELECT
        regexp_extract(regexp_replace(caller, '[^0-9]'), '[0-9]{1,9}$') AS number,
        call_date,
        started_at,
        agent,
        talk_s
    FROM calls
    WHERE call_date >= current_date - interval '30' day AND direction = 'inbound'
)
SELECT
    inbound.number,
    count(*) AS calls,
    count(DISTINCT inbound.call_date) AS days,
    count(DISTINCT inbound.agent) AS agents,
    round(sum(inbound.talk_s) / 60, 1) AS talk_minutes,
    min(inbound.started_at) AS first_at,
    max(inbound.started_at) AS last_at
FROM inbound CROSS JOIN params
WHERE inbound.number IS NOT NULL
GROUP BY inbound.number, params.at_least_calls
HAVING count(*) >= params.at_least_calls
ORDER BY calls DESC, last_at DESC, inbound.number

-- Talk time and calls per agent: who speaks how much, and for how long at a time?
-- Edit: the fewest calls that count. An agent is the name or id that the source lists; none is a line, too.
WITH params AS (
    SELECT 1 AS at_least_calls
),
chosen AS (
    SELECT source, agent, call_date, direction, talk_s
    FROM calls
    WHERE call_date >= current_date - interval '30' day
)
SELECT
    chosen.agent,
    chosen.source,
    count(*) AS calls,
    count_if(chosen.direction = 'inbound') AS inbound,
    count_if(chosen.direction = 'outbound') AS outbound,
    count(DISTINCT chosen.call_date) AS days,
    round(sum(chosen.talk_s) / 3600, 2) AS talk_hours,
    round(avg(chosen.talk_s)) AS mean_talk_s,
    max(chosen.talk_s) AS longest_talk_s
FROM chosen CROSS JOIN params
GROUP BY chosen.agent, chosen.source, params.at_least_calls
HAVING count(*) >= params.at_least_calls
ORDER BY talk_hours DESC NULLS LAST, calls DESC, chosen.agent, chosen.source

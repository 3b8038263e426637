-- Missed follow-ups: who called, was not helped, and was not spoken to within a day?
-- Edit: how short a call counts as not helped (talk time in seconds), and within how many hours somebody should
-- have spoken to the caller.
-- A miss is an inbound call shorter than that, after which no call with the same number, in either direction,
-- was as long within those hours. A call that was not recorded is not in the table: no miss, no follow-up.
-- Of calls with the same start, which may be a minute without seconds, the long ones count as the later ones.
-- Numbers are the same if their last nine digits are. Calls whose time was not over when today began are left
-- out. One line per number; spoken_later_at is when somebody did speak to them, too late.
WITH params AS (
    SELECT 30 AS short_s, 24 AS within_hours
),
contacts AS (
    SELECT
        regexp_extract(
            regexp_replace(if(calls.direction = 'inbound', calls.caller, calls.callee), '[^0-9]'), '[0-9]{1,9}$'
        ) AS number,
        calls.started_at,
        calls.recording_id,
        calls.direction,
        coalesce(calls.talk_s, 0) >= params.short_s AS spoken,
        date_add('hour', params.within_hours, calls.started_at) AS due_at
    FROM calls CROSS JOIN params
    WHERE calls.call_date >= current_date - interval '30' day
),
followed AS (
    SELECT
        number,
        started_at,
        direction,
        spoken,
        due_at,
        min(if(spoken, started_at)) OVER (
            PARTITION BY number ORDER BY started_at, spoken, recording_id
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS spoken_at
    FROM contacts
    WHERE number IS NOT NULL
)
SELECT
    number,
    count(*) AS missed_calls,
    min(started_at) AS first_missed_at,
    max(started_at) AS last_missed_at,
    min(spoken_at) AS spoken_later_at
FROM followed
WHERE direction = 'inbound'
    AND NOT spoken
    AND (spoken_at IS NULL OR spoken_at > due_at)
    AND due_at < cast(current_date AS timestamp)
GROUP BY number
ORDER BY last_missed_at DESC, number

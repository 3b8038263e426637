-- Gaps in recording: which usual hours of the last 28 days have no recording at all?
-- Edit: the time zone, the working hours (18 is the hour that ends at 19:00), and how many recordings an hour of
-- that weekday must have on average to be missed when it has none: a holiday is a gap, a quiet hour is not.
-- Saturday, Sunday and today, which is not over, are left out; so is a source without any recording in 28 days.
WITH params AS (
    SELECT 'Europe/Warsaw' AS zone, 8 AS first_hour, 18 AS last_hour, 2 AS usual_at_least
),
starts AS (
    SELECT calls.source, at_timezone(with_timezone(calls.started_at, 'UTC'), params.zone) AS local_start
    FROM calls CROSS JOIN params
    WHERE calls.call_date >= current_date - interval '28' day
),
counted AS (
    SELECT source, date(local_start) AS local_day, hour(local_start) AS hour_of_day, count(*) AS calls
    FROM starts
    GROUP BY source, date(local_start), hour(local_start)
),
sources AS (
    SELECT DISTINCT source FROM counted
),
hours AS (
    SELECT sources.source, days.local_day, clock.hour_of_day, params.usual_at_least
    FROM sources
    CROSS JOIN params
    CROSS JOIN UNNEST(
        sequence(current_date - interval '28' day, current_date - interval '1' day)
    ) AS days (local_day)
    CROSS JOIN UNNEST(sequence(0, 23)) AS clock (hour_of_day)
    WHERE day_of_week(days.local_day) <= 5 AND clock.hour_of_day BETWEEN params.first_hour AND params.last_hour
),
compared AS (
    SELECT
        hours.source,
        hours.local_day,
        hours.hour_of_day,
        hours.usual_at_least,
        coalesce(counted.calls, 0) AS calls,
        avg(coalesce(counted.calls, 0)) OVER (
            PARTITION BY hours.source, day_of_week(hours.local_day), hours.hour_of_day
        ) AS usual_calls
    FROM hours
    LEFT JOIN counted
        ON counted.source = hours.source
        AND counted.local_day = hours.local_day
        AND counted.hour_of_day = hours.hour_of_day
)
SELECT source, local_day, hour_of_day, round(usual_calls, 1) AS usual_calls
FROM compared
WHERE calls = 0 AND usual_calls >= usual_at_least
ORDER BY local_day, hour_of_day, source

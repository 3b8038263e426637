-- Volumes by hour and weekday: when is it busy, on the clock of the office?
-- Edit: the time zone. calls_per_day is the mean of the days of that weekday that have any call.
WITH params AS (
    SELECT 'Europe/Warsaw' AS zone
),
starts AS (
    SELECT at_timezone(with_timezone(calls.started_at, 'UTC'), params.zone) AS local_start, calls.direction
    FROM calls CROSS JOIN params
    WHERE calls.call_date >= current_date - interval '30' day
),
hours AS (
    SELECT
        day_of_week(local_start) AS weekday_number,
        date_format(local_start, '%W') AS weekday,
        hour(local_start) AS hour_of_day,
        date(local_start) AS local_day,
        direction
    FROM starts
),
days AS (
    SELECT weekday_number, count(DISTINCT local_day) AS days
    FROM hours
    GROUP BY weekday_number
)
SELECT
    hours.weekday,
    hours.hour_of_day,
    count(*) AS calls,
    count_if(hours.direction = 'inbound') AS inbound,
    count_if(hours.direction = 'outbound') AS outbound,
    round(count(*) * 1e0 / max(days.days), 1) AS calls_per_day
FROM hours JOIN days ON days.weekday_number = hours.weekday_number
GROUP BY hours.weekday_number, hours.weekday, hours.hour_of_day
ORDER BY hours.weekday_number, hours.hour_of_day

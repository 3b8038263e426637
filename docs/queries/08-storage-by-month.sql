-- Storage by month: how much audio does each month add?
-- Edit: bytes in a gigabyte (S3 bills 1073741824 as one).
-- The month is that of the call, for two years back; gigabytes_so_far adds up from there. Audio that
-- AudioRetentionDays has deleted since is still counted: its row stays.
WITH params AS (
    SELECT 1073741824e0 AS gigabyte
),
months AS (
    SELECT
        source,
        date_format(call_date, '%Y-%m') AS month,
        count(*) AS recordings,
        sum(audio_bytes) AS audio_bytes,
        sum(audio_s) AS audio_s
    FROM calls
    WHERE call_date >= date_trunc('month', current_date - interval '24' month)
    GROUP BY source, date_format(call_date, '%Y-%m')
)
SELECT
    months.month,
    months.source,
    months.recordings,
    round(months.audio_bytes / params.gigabyte, 3) AS gigabytes,
    round(sum(months.audio_bytes) OVER (PARTITION BY months.source ORDER BY months.month) / params.gigabyte, 3)
        AS gigabytes_so_far,
    round(months.audio_s / 3600, 1) AS audio_hours
FROM months CROSS JOIN params
ORDER BY months.month, months.source

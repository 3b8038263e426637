-- Audio format drift: did a source change what it records (format, channels, sample rate)?
-- Edit: from which share of a source's month on a form is listed.
-- kbit_per_s is of the recordings whose length is known.
WITH params AS (
    SELECT 0.0e0 AS least_share
),
forms AS (
    SELECT
        source,
        date_format(call_date, '%Y-%m') AS month,
        audio_format,
        audio_channels,
        audio_sample_rate,
        count(*) AS recordings,
        sum(if(audio_s > 0, audio_bytes)) AS timed_bytes,
        sum(audio_s) AS audio_s
    FROM calls
    WHERE call_date >= date_trunc('month', current_date - interval '12' month)
    GROUP BY source, date_format(call_date, '%Y-%m'), audio_format, audio_channels, audio_sample_rate
),
shares AS (
    SELECT
        source,
        month,
        audio_format,
        audio_channels,
        audio_sample_rate,
        recordings,
        recordings * 1e0 / sum(recordings) OVER (PARTITION BY source, month) AS share,
        timed_bytes * 8 / nullif(audio_s, 0) / 1000 AS kbit_per_s
    FROM forms
)
SELECT
    shares.source,
    shares.month,
    shares.audio_format,
    shares.audio_channels,
    shares.audio_sample_rate,
    shares.recordings,
    round(shares.share * 100, 1) AS percent,
    round(shares.kbit_per_s) AS kbit_per_s
FROM shares CROSS JOIN params
WHERE shares.share >= params.least_share
ORDER BY
    shares.source,
    shares.month,
    shares.recordings DESC,
    shares.audio_format,
    shares.audio_channels,
    shares.audio_sample_rate

-- The longest calls, with their audio.
-- Edit: the time zone; how many, in the last line.
WITH params AS (
    SELECT 'Europe/Warsaw' AS zone
)
SELECT
    date_format(
        at_timezone(with_timezone(calls.started_at, 'UTC'), params.zone), '%Y-%m-%d %H:%i:%s'
    ) AS local_start,
    calls.source,
    calls.agent,
    calls.direction,
    calls.talk_s,
    calls.duration_s,
    calls.recording_id,
    calls.audio_uri
FROM calls CROSS JOIN params
WHERE calls.call_date >= current_date - interval '30' day
ORDER BY calls.talk_s DESC NULLS LAST, calls.duration_s DESC NULLS LAST, calls.recording_id
LIMIT 20

-- The newest stored recordings: does it still run, and how long after the call does a recording arrive?
-- Edit: the time zone; how many, in the last line.
-- Only calls of the last 30 days are looked at: an older one that a backfill stores today is not listed.
WITH params AS (
    SELECT 'Europe/Warsaw' AS zone
)
SELECT
    date_format(
        at_timezone(with_timezone(calls.stored_at, 'UTC'), params.zone), '%Y-%m-%d %H:%i:%s'
    ) AS local_stored_at,
    calls.source,
    date_format(
        at_timezone(with_timezone(calls.started_at, 'UTC'), params.zone), '%Y-%m-%d %H:%i:%s'
    ) AS local_start,
    date_diff('minute', coalesce(calls.ended_at, calls.started_at), calls.stored_at) AS minutes_after_call,
    calls.audio_format,
    calls.audio_bytes,
    calls.recording_id
FROM calls CROSS JOIN params
WHERE calls.call_date >= current_date - interval '30' day
ORDER BY calls.stored_at DESC, calls.recording_id
LIMIT 20

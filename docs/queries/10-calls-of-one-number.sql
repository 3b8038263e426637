-- The calls of the last 30 days with one number, in either direction, newest first, with their audio.
-- Edit: the number, with or without its prefix (its last nine digits are compared), and the time zone; how many days,
-- in the line with call_date: each is read.
WITH params AS (
    SELECT '+48 000 000 000' AS number, 'Europe/Warsaw' AS zone
),
numbers AS (
    SELECT
        date_format(
            at_timezone(with_timezone(calls.started_at, 'UTC'), params.zone), '%Y-%m-%d %H:%i:%s'
        ) AS local_start,
        calls.started_at,
        calls.source,
        calls.direction,
        calls.caller,
        calls.callee,
        calls.agent,
        calls.talk_s,
        calls.recording_id,
        calls.audio_uri,
        regexp_extract(regexp_replace(calls.caller, '[^0-9]'), '[0-9]{1,9}$') AS caller_digits,
        regexp_extract(regexp_replace(calls.callee, '[^0-9]'), '[0-9]{1,9}$') AS callee_digits,
        regexp_extract(regexp_replace(params.number, '[^0-9]'), '[0-9]{1,9}$') AS digits
    FROM calls CROSS JOIN params
    WHERE calls.call_date >= current_date - interval '30' day
)
SELECT local_start, source, direction, caller, callee, agent, talk_s, recording_id, audio_uri
FROM numbers
WHERE caller_digits = digits OR callee_digits = digits
ORDER BY started_at DESC, recording_id

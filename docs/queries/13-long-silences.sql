-- Long silences: in which calls did nobody speak for long, and from which second on?
-- Edit: from how many seconds on, and the time zone; how many, in the last line; how many days, in both lines with
-- call_date.
-- A silence at the beginning may be a caller who waits. silence_percent is of the whole recording: 100 is one in which
-- nobody speaks. In a stereo call, both sides have to be silent.
WITH params AS (
    SELECT 30 AS at_least_s, 'Europe/Warsaw' AS zone
),
silences AS (
    SELECT
        sound.recording_id,
        sound.longest_silence_s,
        sound.longest_silence_at_s,
        sound.silence_share,
        sound.audio_s
    FROM sound CROSS JOIN params
    WHERE sound.call_date >= current_date - interval '30' day AND sound.longest_silence_s >= params.at_least_s
),
chosen AS (
    SELECT recording_id, source, started_at, agent, direction, audio_uri
    FROM calls
    WHERE call_date >= current_date - interval '30' day
)
SELECT
    date_format(
        at_timezone(with_timezone(chosen.started_at, 'UTC'), params.zone), '%Y-%m-%d %H:%i:%s'
    ) AS local_start,
    round(silences.longest_silence_s, 1) AS silent_s,
    round(silences.longest_silence_at_s, 1) AS from_s,
    round(100 * silences.silence_share, 1) AS silence_percent,
    round(silences.audio_s, 1) AS audio_s,
    chosen.source,
    chosen.agent,
    chosen.direction,
    chosen.recording_id,
    chosen.audio_uri
FROM silences
JOIN chosen ON chosen.recording_id = silences.recording_id
CROSS JOIN params
ORDER BY silences.longest_silence_s DESC, chosen.recording_id
LIMIT 100

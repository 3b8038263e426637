-- Calls where one side cannot be heard: whose microphone or line was silent while the other side talked?
-- Edit: which channel is the agent's (0 is the left one, 1 the right one), how many seconds the other side has to talk,
-- and the time zone; how many days, in both lines with call_date.
-- No provider says which side is on which channel: listen to a call of yours first. A mono call cannot tell.
WITH params AS (
    SELECT 0 AS agent_channel, 10 AS at_least_s, 'Europe/Warsaw' AS zone
),
silent AS (
    SELECT
        sound.recording_id,
        if(sound.dead_channel = params.agent_channel, 'agent', 'customer') AS side,
        if(sound.dead_channel = 0, sound.ch1_talk_s, sound.ch0_talk_s) AS other_s
    FROM sound CROSS JOIN params
    WHERE sound.call_date >= current_date - interval '30' day AND sound.dead_channel IS NOT NULL
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
    silent.side AS silent_side,
    round(silent.other_s, 1) AS other_talk_s,
    chosen.source,
    chosen.agent,
    chosen.direction,
    chosen.recording_id,
    chosen.audio_uri
FROM silent
JOIN chosen ON chosen.recording_id = silent.recording_id
CROSS JOIN params
WHERE silent.other_s >= params.at_least_s
ORDER BY chosen.started_at DESC, chosen.recording_id

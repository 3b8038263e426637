-- Talk ratio and interruptions per agent and week: who speaks how much of a call, and who interrupts whom?
-- Edit: which channel is the agent's (0 is the left one, 1 the right one), and the fewest calls that count; how many
-- weeks, in both lines with call_date.
-- No provider says which side is on which channel: listen to a call of yours first. Where it depends on the direction,
-- ask twice, and add a condition on direction.
-- Only stereo calls count in which both sides were heard. agent_percent is the agent's part of the talk of both. An
-- interruption: one side began while the other one talked, and went on. A week begins on Monday.
WITH params AS (
    SELECT 0 AS agent_channel, 1 AS at_least_calls
),
sides AS (
    SELECT
        sound.recording_id,
        if(params.agent_channel = 0, sound.ch0_talk_s, sound.ch1_talk_s) AS agent_s,
        if(params.agent_channel = 0, sound.ch1_talk_s, sound.ch0_talk_s) AS customer_s,
        if(params.agent_channel = 0, sound.ch0_interruptions, sound.ch1_interruptions) AS agent_interruptions,
        if(params.agent_channel = 0, sound.ch1_interruptions, sound.ch0_interruptions) AS customer_interruptions
    FROM sound CROSS JOIN params
    WHERE sound.call_date >= date_trunc('week', current_date - interval '28' day)
        AND sound.ch0_talk_s + sound.ch1_talk_s > 0
        AND sound.dead_channel IS NULL
),
chosen AS (
    SELECT recording_id, source, agent, date_trunc('week', call_date) AS week
    FROM calls
    WHERE call_date >= date_trunc('week', current_date - interval '28' day)
)
SELECT
    chosen.week,
    chosen.agent,
    chosen.source,
    count(*) AS calls,
    round(sum(sides.agent_s) / 3600, 2) AS agent_hours,
    round(sum(sides.customer_s) / 3600, 2) AS customer_hours,
    round(100 * sum(sides.agent_s) / sum(sides.agent_s + sides.customer_s), 1) AS agent_percent,
    round(sum(sides.agent_interruptions) * 1e0 / count(*), 2) AS agent_interruptions_per_call,
    round(sum(sides.customer_interruptions) * 1e0 / count(*), 2) AS customer_interruptions_per_call
FROM chosen
JOIN sides ON sides.recording_id = chosen.recording_id
CROSS JOIN params
GROUP BY chosen.week, chosen.agent, chosen.source, params.at_least_calls
HAVING count(*) >= params.at_least_calls
ORDER BY chosen.week, chosen.agent, chosen.source

-- Calls that mention a phrase, with the second: where was it said, and on which channel?
-- Edit: the phrase, and the time zone; how many days, in both lines with call_date: each is read.
-- One line for each stretch of speech that has the phrase; of two engines, a line of each. Capitals do not matter, and
-- a part of a word is enough: 'refun' finds "refunded". A phrase that goes on in the next stretch is not found.
-- confidence is of the whole stretch. channel is null where the sides were mixed; then speaker may tell voices apart.
WITH params AS (
    SELECT 'invoice' AS phrase, 'Europe/Warsaw' AS zone
),
mentions AS (
    SELECT
        transcripts.recording_id,
        transcripts.engine,
        segment.start_s,
        segment.channel,
        segment.speaker,
        segment.text,
        segment.confidence
    FROM transcripts
    CROSS JOIN params
    CROSS JOIN UNNEST(transcripts.segments) AS segment (start_s, end_s, channel, speaker, text, confidence)
    WHERE transcripts.call_date >= current_date - interval '30' day
        AND strpos(lower(segment.text), lower(params.phrase)) > 0
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
    mentions.start_s AS at_s,
    mentions.channel,
    mentions.speaker,
    mentions.text,
    mentions.confidence,
    mentions.engine,
    chosen.source,
    chosen.agent,
    chosen.direction,
    chosen.recording_id,
    chosen.audio_uri
FROM mentions
JOIN chosen ON chosen.recording_id = mentions.recording_id
CROSS JOIN params
ORDER BY
    chosen.started_at DESC,
    chosen.recording_id,
    mentions.engine,
    mentions.start_s,
    mentions.channel,
    mentions.speaker,
    mentions.text

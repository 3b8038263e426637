-- Calls without a transcript, and why, as far as the lake knows.
-- Edit: the engine (aws is Amazon Transcribe; '' asks for any), and the time zone; how many, in the last line; how many
-- days, in both lines with call_date.
-- The lake has no row of a failure. So "not known here" may be a job that failed, or a document that could not be read:
-- `call-lake show RECORDING_ID` tells the reason. A call in which nobody spoke has a transcript without words.
-- calls_alike counts all calls with the same answer, also those beyond the last line.
WITH params AS (
    SELECT '' AS engine, 'Europe/Warsaw' AS zone
),
heard AS (
    SELECT DISTINCT transcripts.recording_id
    FROM transcripts CROSS JOIN params
    WHERE transcripts.call_date >= current_date - interval '30' day
        AND params.engine IN ('', transcripts.engine)
),
chosen AS (
    SELECT recording_id, source, call_date, started_at, stored_at, audio_uri, audio_format, audio_s, audio_bytes
    FROM calls
    WHERE call_date >= current_date - interval '30' day
),
compared AS (
    SELECT
        chosen.recording_id,
        chosen.source,
        chosen.started_at,
        chosen.stored_at,
        chosen.audio_uri,
        chosen.audio_format,
        chosen.audio_s,
        chosen.audio_bytes,
        heard.recording_id IS NULL AS is_missing,
        count(heard.recording_id) OVER (PARTITION BY chosen.source, chosen.call_date) AS heard_that_day
    FROM chosen LEFT JOIN heard ON heard.recording_id = chosen.recording_id
),
missing AS (
    SELECT
        compared.recording_id,
        compared.source,
        compared.started_at,
        compared.audio_format,
        compared.audio_s,
        params.zone,
        CASE
            WHEN compared.audio_uri IS NULL THEN 'the audio has expired'
            WHEN params.engine IN ('', 'aws')
                AND compared.audio_format NOT IN ('amr', 'flac', 'm4a', 'mp3', 'mp4', 'ogg', 'wav', 'webm')
                THEN 'Amazon Transcribe does not read this format'
            WHEN params.engine IN ('', 'aws') AND compared.audio_s < 0.5
                THEN 'Amazon Transcribe takes no less than half a second'
            WHEN params.engine IN ('', 'aws') AND (compared.audio_s > 14400 OR compared.audio_bytes > 2000000000)
                THEN 'Amazon Transcribe takes no more than 4 hours and 2 GB'
            WHEN compared.stored_at >= cast(current_date - interval '1' day AS timestamp)
                THEN 'stored since yesterday: it may still come'
            WHEN compared.heard_that_day = 0
                THEN 'no call of this source and day has one: was it switched on? See call-lake transcribe'
            ELSE 'not known here: see call-lake show'
        END AS why
    FROM compared CROSS JOIN params
    WHERE compared.is_missing
)
SELECT
    date_format(at_timezone(with_timezone(started_at, 'UTC'), zone), '%Y-%m-%d %H:%i:%s') AS local_start,
    source,
    why,
    count(*) OVER (PARTITION BY why) AS calls_alike,
    audio_format,
    round(audio_s, 1) AS audio_s,
    recording_id
FROM missing
ORDER BY started_at DESC, recording_id
LIMIT 100

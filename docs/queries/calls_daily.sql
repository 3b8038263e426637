-- The view calls_daily: one line per source and day. talk_s is null where no recording of the day tells its own.
SELECT
    source,
    call_date,
    count(*) AS calls,
    count_if(direction = 'inbound') AS inbound,
    count_if(direction = 'outbound') AS outbound,
    sum(talk_s) AS talk_s,
    count(DISTINCT agent) AS agents,
    sum(audio_bytes) AS audio_bytes
FROM calls
GROUP BY source, call_date

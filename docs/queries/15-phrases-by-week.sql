-- Phrases by week: in how many calls is each of them said, and does that grow?
-- Edit: the phrases, with commas between them; how many weeks, in the line with call_date: each is read.
-- A phrase counts once in a call, however often it is said. Capitals do not matter, and a part of a word is enough.
-- percent is of the calls that have a transcript. Two engines have a line each. A week begins on Monday.
WITH params AS (
    SELECT 'invoice, thank you, good bye' AS phrases
),
phrases AS (
    SELECT DISTINCT lower(trim(listed.phrase)) AS phrase
    FROM params CROSS JOIN UNNEST(split(params.phrases, ',')) AS listed (phrase)
    WHERE trim(listed.phrase) <> ''
),
said AS (
    SELECT date_trunc('week', call_date) AS week, source, engine, lower(text) AS text
    FROM transcripts
    WHERE call_date >= date_trunc('week', current_date - interval '56' day)
)
SELECT
    phrases.phrase,
    said.week,
    said.source,
    said.engine,
    count_if(strpos(said.text, phrases.phrase) > 0) AS calls,
    count(*) AS of_calls,
    round(count_if(strpos(said.text, phrases.phrase) > 0) * 1e2 / count(*), 1) AS percent
FROM said CROSS JOIN phrases
GROUP BY phrases.phrase, said.week, said.source, said.engine
ORDER BY phrases.phrase, said.week, said.source, said.engine

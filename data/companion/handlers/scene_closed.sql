-- An UPDATE would pass over an unknown scene in silence; this INSERT finds no chat_id for it, and so
-- breaks NOT NULL.
INSERT INTO scenes (id, chat_id, container_id, title, opened_at, closed_at, summary)
SELECT closed.id, scenes.chat_id, scenes.container_id, scenes.title, scenes.opened_at, :ts, :payload ->> '$.summary'
FROM (SELECT :payload ->> '$.scene_id' AS id) AS closed
LEFT JOIN scenes ON scenes.id = closed.id
WHERE true
ON CONFLICT (id) DO UPDATE SET
    closed_at = excluded.closed_at,
    summary = excluded.summary;

-- A scene that was opened since stays the active one.
UPDATE chat_state SET active_scene_id = NULL
WHERE active_scene_id = :payload ->> '$.scene_id';

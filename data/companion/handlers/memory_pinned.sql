-- An UPDATE would pass over an unknown memory in silence; this INSERT finds no owner for it, and so
-- breaks NOT NULL.
INSERT INTO memories (id, owner_id, chat_id, scene_id, text, significance, pinned, created_at)
SELECT
    named.id, memories.owner_id, memories.chat_id, memories.scene_id, memories.text, memories.significance,
    :payload ->> '$.pinned', memories.created_at
FROM (SELECT :payload ->> '$.memory_event_id' AS id) AS named
LEFT JOIN memories ON memories.id = named.id
WHERE true
ON CONFLICT (id) DO UPDATE SET pinned = excluded.pinned;

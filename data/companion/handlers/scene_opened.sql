INSERT INTO scenes (id, chat_id, container_id, title, opened_at)
VALUES (
    :payload ->> '$.scene_id', :payload ->> '$.chat_id', :payload ->> '$.container_id', :payload ->> '$.title', :ts);

UPDATE chat_state SET active_scene_id = :payload ->> '$.scene_id'
WHERE chat_id = :payload ->> '$.chat_id';

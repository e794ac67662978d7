INSERT INTO activity (chat_id, entity_id, container_id, activity, updated_at)
VALUES (
    :payload ->> '$.chat_id', :payload ->> '$.entity_id', :payload ->> '$.container_id', :payload ->> '$.activity', :ts)
ON CONFLICT (chat_id, entity_id) DO UPDATE SET
    container_id = excluded.container_id,
    activity = excluded.activity,
    updated_at = excluded.updated_at;

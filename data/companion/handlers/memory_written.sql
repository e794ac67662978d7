INSERT INTO memories (id, owner_id, chat_id, scene_id, text, significance, created_at)
VALUES (
    :id,
    :payload ->> '$.owner_id',
    :payload ->> '$.chat_id',
    :payload ->> '$.scene_id',
    :payload ->> '$.text',
    :payload -> '$.significance',
    :ts);

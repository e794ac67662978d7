INSERT INTO chats (id, title, host_bot_id, created_at)
VALUES (:payload ->> '$.chat_id', :payload ->> '$.title', :payload ->> '$.host_bot_id', :ts);

INSERT INTO chat_state (chat_id, turn_count, last_event_id)
VALUES (:payload ->> '$.chat_id', 0, :id);

-- The text stays in the log. A payload without one gives NULL for the count, which breaks NOT NULL;
-- an unknown chat breaks the foreign key.
INSERT INTO chat_state (chat_id, turn_count, last_event_id)
VALUES (:payload ->> '$.chat_id', CASE json_type(:payload, '$.text') WHEN 'text' THEN 1 END, :id)
ON CONFLICT (chat_id) DO UPDATE SET
    turn_count = turn_count + 1,
    last_event_id = excluded.last_event_id;

-- As user_turn; the speaker must be given too. Whether that bot exists is not asked: a chat's state
-- follows from the events of the chat alone, and the bots are not among them.
INSERT INTO chat_state (chat_id, turn_count, last_event_id)
VALUES (
    :payload ->> '$.chat_id',
    CASE WHEN json_type(:payload, '$.text') = 'text' AND json_type(:payload, '$.bot_id') = 'text' THEN 1 END,
    :id)
ON CONFLICT (chat_id) DO UPDATE SET
    turn_count = turn_count + 1,
    last_event_id = excluded.last_event_id;

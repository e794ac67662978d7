INSERT INTO bots (id, name, persona, created_at)
VALUES (:payload ->> '$.bot_id', :payload ->> '$.name', :payload ->> '$.persona', :ts);

INSERT INTO containers (id, chat_id, name, parent_id)
VALUES (:payload ->> '$.container_id', :payload ->> '$.chat_id', :payload ->> '$.name', :payload ->> '$.parent_id');

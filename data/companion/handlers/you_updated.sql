INSERT INTO you_entity (id, name, persona, updated_at)
VALUES (1, :payload ->> '$.name', :payload ->> '$.persona', :ts)
ON CONFLICT (id) DO UPDATE SET
    name = excluded.name,
    persona = excluded.persona,
    updated_at = excluded.updated_at;

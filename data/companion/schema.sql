-- The tables of a companion chat store. Each row follows from the event log by the handlers beside
-- this file.
--
-- A column that takes text has no declared type: a TEXT column would turn a number of the payload
-- into text before the CHECK could refuse it.
--
-- Each column that refers to another table is indexed, so that removing a row of that table does
-- not read this one from end to end.

CREATE TABLE bots (
    id         NOT NULL CONSTRAINT bots_id_is_text CHECK (typeof(id) = 'text'),
    name       NOT NULL CONSTRAINT bots_name_is_text CHECK (typeof(name) = 'text'),
    persona    NOT NULL CONSTRAINT bots_persona_is_text CHECK (typeof(persona) = 'text'),
    created_at NOT NULL CONSTRAINT bots_created_at_is_text CHECK (typeof(created_at) = 'text'),
    archived   INTEGER NOT NULL DEFAULT 0 CONSTRAINT bots_archived_is_0_or_1 CHECK (archived IN (0, 1)),
    PRIMARY KEY (id)
) WITHOUT ROWID;

-- The person who chats.
CREATE TABLE you_entity (
    id         INTEGER PRIMARY KEY CONSTRAINT you_entity_is_one_row CHECK (id = 1),
    name       NOT NULL CONSTRAINT you_entity_name_is_text CHECK (typeof(name) = 'text'),
    persona    NOT NULL CONSTRAINT you_entity_persona_is_text CHECK (typeof(persona) = 'text'),
    updated_at NOT NULL CONSTRAINT you_entity_updated_at_is_text CHECK (typeof(updated_at) = 'text')
);

-- How one feels about another. Each end is a bot's id or the word 'you'; a generated column is NULL
-- for 'you', and so lets the foreign key ask for the bots only.
CREATE TABLE edges (
    source_id        NOT NULL CONSTRAINT edges_source_id_is_text CHECK (typeof(source_id) = 'text'),
    target_id        NOT NULL CONSTRAINT edges_target_id_is_text CHECK (typeof(target_id) = 'text'),
    affinity         INTEGER NOT NULL CONSTRAINT edges_affinity_is_integer CHECK (typeof(affinity) = 'integer'),
    trust            INTEGER NOT NULL CONSTRAINT edges_trust_is_integer CHECK (typeof(trust) = 'integer'),
    reason           NOT NULL CONSTRAINT edges_reason_is_text CHECK (typeof(reason) = 'text'),
    updated_event_id INTEGER NOT NULL,
    source_bot_id    GENERATED ALWAYS AS (nullif(source_id, 'you')) VIRTUAL
                     CONSTRAINT edges_source_is_known REFERENCES bots (id),
    target_bot_id    GENERATED ALWAYS AS (nullif(target_id, 'you')) VIRTUAL
                     CONSTRAINT edges_target_is_known REFERENCES bots (id),
    PRIMARY KEY (source_id, target_id)
) WITHOUT ROWID;

CREATE INDEX edges_source_bot ON edges (source_bot_id);
CREATE INDEX edges_target_bot ON edges (target_bot_id);

CREATE TABLE chats (
    id          NOT NULL CONSTRAINT chats_id_is_text CHECK (typeof(id) = 'text'),
    title       NOT NULL CONSTRAINT chats_title_is_text CHECK (typeof(title) = 'text'),
    host_bot_id CONSTRAINT chats_host_bot_is_known REFERENCES bots (id),
    created_at  NOT NULL CONSTRAINT chats_created_at_is_text CHECK (typeof(created_at) = 'text'),
    PRIMARY KEY (id)
) WITHOUT ROWID;

CREATE INDEX chats_host_bot ON chats (host_bot_id);

-- A place; one without a parent is the outermost.
CREATE TABLE containers (
    id        NOT NULL CONSTRAINT containers_id_is_text CHECK (typeof(id) = 'text'),
    chat_id   NOT NULL CONSTRAINT containers_chat_is_known REFERENCES chats (id),
    name      NOT NULL CONSTRAINT containers_name_is_text CHECK (typeof(name) = 'text'),
    parent_id CONSTRAINT containers_parent_is_known REFERENCES containers (id),
    PRIMARY KEY (id)
) WITHOUT ROWID;

CREATE INDEX containers_chat ON containers (chat_id);
CREATE INDEX containers_parent ON containers (parent_id);

CREATE TABLE scenes (
    id           NOT NULL CONSTRAINT scenes_id_is_text CHECK (typeof(id) = 'text'),
    chat_id      NOT NULL CONSTRAINT scenes_chat_is_known REFERENCES chats (id),
    container_id NOT NULL CONSTRAINT scenes_container_is_known REFERENCES containers (id),
    title        NOT NULL CONSTRAINT scenes_title_is_text CHECK (typeof(title) = 'text'),
    opened_at    NOT NULL CONSTRAINT scenes_opened_at_is_text CHECK (typeof(opened_at) = 'text'),
    closed_at    CONSTRAINT scenes_closed_at_is_text CHECK (typeof(closed_at) IN ('text', 'null')),
    summary      CONSTRAINT scenes_summary_is_text CHECK (typeof(summary) IN ('text', 'null')),
    PRIMARY KEY (id)
) WITHOUT ROWID;

CREATE INDEX scenes_chat ON scenes (chat_id);
CREATE INDEX scenes_container ON scenes (container_id);

CREATE TABLE chat_state (
    chat_id         NOT NULL CONSTRAINT chat_state_chat_is_known REFERENCES chats (id),
    active_scene_id CONSTRAINT chat_state_scene_is_known REFERENCES scenes (id),
    turn_count      INTEGER NOT NULL CONSTRAINT chat_state_turn_count_is_a_count
                    CHECK (typeof(turn_count) = 'integer' AND turn_count >= 0),
    last_event_id   INTEGER NOT NULL,
    PRIMARY KEY (chat_id)
) WITHOUT ROWID;

CREATE INDEX chat_state_active_scene ON chat_state (active_scene_id);

-- What someone does, and where.
CREATE TABLE activity (
    chat_id      NOT NULL CONSTRAINT activity_chat_is_known REFERENCES chats (id),
    entity_id    NOT NULL CONSTRAINT activity_entity_id_is_text CHECK (typeof(entity_id) = 'text'),
    container_id CONSTRAINT activity_container_is_known REFERENCES containers (id),
    activity     NOT NULL CONSTRAINT activity_is_text CHECK (typeof(activity) = 'text'),
    updated_at   NOT NULL CONSTRAINT activity_updated_at_is_text CHECK (typeof(updated_at) = 'text'),
    PRIMARY KEY (chat_id, entity_id)
) WITHOUT ROWID;

CREATE INDEX activity_container ON activity (container_id);

-- The id is that of the event which wrote the memory. The owner is a bot's id or the word 'you', as
-- in edges.
CREATE TABLE memories (
    id           INTEGER PRIMARY KEY,
    owner_id     NOT NULL CONSTRAINT memories_owner_id_is_text CHECK (typeof(owner_id) = 'text'),
    chat_id      NOT NULL CONSTRAINT memories_chat_is_known REFERENCES chats (id),
    scene_id     CONSTRAINT memories_scene_is_known REFERENCES scenes (id),
    text         NOT NULL CONSTRAINT memories_text_is_text CHECK (typeof(text) = 'text'),
    significance INTEGER NOT NULL CONSTRAINT memories_significance_is_1_to_5
                 CHECK (typeof(significance) = 'integer' AND significance BETWEEN 1 AND 5),
    pinned       INTEGER NOT NULL DEFAULT 0 CONSTRAINT memories_pinned_is_0_or_1 CHECK (pinned IN (0, 1)),
    created_at   NOT NULL CONSTRAINT memories_created_at_is_text CHECK (typeof(created_at) = 'text'),
    owner_bot_id GENERATED ALWAYS AS (nullif(owner_id, 'you')) VIRTUAL
                 CONSTRAINT memories_owner_is_known REFERENCES bots (id)
);

CREATE INDEX memories_owner ON memories (owner_bot_id);
CREATE INDEX memories_chat ON memories (chat_id);
CREATE INDEX memories_scene ON memories (scene_id);

CREATE VIRTUAL TABLE memories_fts USING fts5(text, content = 'memories', content_rowid = 'id');

CREATE TRIGGER memories_ai AFTER INSERT ON memories BEGIN
    INSERT INTO memories_fts (rowid, text) VALUES (new.id, new.text);
END;

CREATE TRIGGER memories_ad AFTER DELETE ON memories BEGIN
    INSERT INTO memories_fts (memories_fts, rowid, text) VALUES ('delete', old.id, old.text);
END;

-- A change of the pin alone leaves the index as it is.
CREATE TRIGGER memories_au AFTER UPDATE OF id, text ON memories BEGIN
    INSERT INTO memories_fts (memories_fts, rowid, text) VALUES ('delete', old.id, old.text);
    INSERT INTO memories_fts (rowid, text) VALUES (new.id, new.text);
END;

-- The id is that of the event.
CREATE TABLE classifier_failures (
    id         INTEGER PRIMARY KEY,
    chat_id    NOT NULL CONSTRAINT classifier_failures_chat_is_known REFERENCES chats (id),
    classifier NOT NULL CONSTRAINT classifier_failures_classifier_is_text CHECK (typeof(classifier) = 'text'),
    error      NOT NULL CONSTRAINT classifier_failures_error_is_text CHECK (typeof(error) = 'text'),
    raw        NOT NULL CONSTRAINT classifier_failures_raw_is_text CHECK (typeof(raw) = 'text'),
    created_at NOT NULL CONSTRAINT classifier_failures_created_at_is_text CHECK (typeof(created_at) = 'text')
);

CREATE INDEX classifier_failures_chat ON classifier_failures (chat_id);

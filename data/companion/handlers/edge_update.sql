-- Affinity and trust accumulate. `->` keeps the JSON form, so that the text "3" is not taken for
-- the number 3.
INSERT INTO edges (source_id, target_id, affinity, trust, reason, updated_event_id)
VALUES (
    :payload ->> '$.source_id',
    :payload ->> '$.target_id',
    :payload -> '$.affinity_delta',
    :payload -> '$.trust_delta',
    :payload ->> '$.reason',
    :id)
ON CONFLICT (source_id, target_id) DO UPDATE SET
    affinity = affinity + excluded.affinity,
    trust = trust + excluded.trust,
    reason = excluded.reason,
    updated_event_id = excluded.updated_event_id;

INSERT INTO classifier_failures (id, chat_id, classifier, error, raw, created_at)
VALUES (
    :id, :payload ->> '$.chat_id', :payload ->> '$.classifier', :payload ->> '$.error', :payload ->> '$.raw', :ts);

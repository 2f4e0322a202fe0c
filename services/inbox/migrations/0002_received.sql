-- What was received within a time: ids grow with it.
CREATE INDEX messages_received ON inbox.messages (account_id, id) WHERE direction = 1;

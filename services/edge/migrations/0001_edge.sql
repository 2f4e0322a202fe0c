-- The public events of each account, numbered without gaps: what /v1/events sends. Kept for 24 hours.
CREATE TABLE edge.feed (
  account_id bigint NOT NULL,
  seq bigint NOT NULL,
  type text NOT NULL,
  payload text NOT NULL,
  create_time timestamptz NOT NULL,
  PRIMARY KEY (account_id, seq)
);
CREATE INDEX feed_create_time ON edge.feed (create_time);
SELECT mo.protect('edge.feed');

-- The last number given, by account; its row lock puts an account's events in the order of their commits.
CREATE TABLE edge.feed_heads (
  account_id bigint PRIMARY KEY,
  seq bigint NOT NULL
);
SELECT mo.protect('edge.feed_heads');

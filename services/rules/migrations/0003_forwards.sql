-- What is on its way to other systems, and what was. `request` is a rules.v1.StoredForward; `destination` says what shares a limit
-- and a breaker: "<account>/<origin of the URL>", "<account>/mail", "<account>/sms", "<account>/whk_…". A pending one is due at
-- next_attempt_time; who takes it moves that on (its lease), so that another process takes it if that one dies.
CREATE TABLE rules.forwards (
  account_id bigint NOT NULL,
  id bigint NOT NULL,
  kind smallint NOT NULL,
  rule_id bigint NOT NULL,
  message_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  webhook_id bigint NOT NULL,
  sequence bigint NOT NULL,
  destination text NOT NULL COLLATE "C",
  target text NOT NULL,
  request bytea NOT NULL,
  state smallint NOT NULL,
  attempt_count integer NOT NULL,
  next_attempt_time timestamptz NOT NULL,
  expire_time timestamptz NOT NULL,
  create_time timestamptz NOT NULL,
  finish_time timestamptz,
  PRIMARY KEY (account_id, id)
) WITH (fillfactor = 80);
CREATE INDEX forwards_due ON rules.forwards (destination, next_attempt_time) WHERE state = 1;
CREATE INDEX forwards_dead ON rules.forwards (account_id, id) WHERE state = 3;
CREATE UNIQUE INDEX forwards_sequence ON rules.forwards (account_id, webhook_id, sequence) WHERE webhook_id <> 0;
CREATE INDEX forwards_message ON rules.forwards (account_id, message_id) WHERE message_id <> 0;
CREATE INDEX forwards_finished ON rules.forwards (finish_time) WHERE state <> 1;
SELECT mo.protect('rules.forwards');

-- What forwards are signed with; owner_id: the webhook, 0 for those of the account's rules. expire_time: of one that was followed by
-- another.
CREATE TABLE rules.signing_secrets (
  account_id bigint NOT NULL,
  owner_id bigint NOT NULL,
  id bigint NOT NULL,
  sealed bytea NOT NULL,
  key_id text NOT NULL,
  expire_time timestamptz,
  PRIMARY KEY (account_id, owner_id, id)
);
SELECT mo.protect('rules.signing_secrets');

-- `webhook` is a rules.v1.Webhook as its owner has set it. The counters change without it.
CREATE TABLE rules.webhooks (
  account_id bigint NOT NULL,
  id bigint NOT NULL,
  version bigint NOT NULL DEFAULT 1,
  webhook bytea NOT NULL,
  state smallint NOT NULL,
  pause_reason text NOT NULL DEFAULT '',
  last_sequence bigint NOT NULL DEFAULT 0,
  failing_since timestamptz,
  PRIMARY KEY (account_id, id)
) WITH (fillfactor = 80);
SELECT mo.protect('rules.webhooks');

-- Single messages, in and out. contact_id 0: written in a group.
CREATE TABLE inbox.messages (
  account_id bigint NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,
  sim_id bigint NOT NULL,
  direction smallint NOT NULL,
  content bytea NOT NULL,
  state smallint NOT NULL DEFAULT 0,
  reason smallint NOT NULL DEFAULT 0,
  origin smallint NOT NULL DEFAULT 0,
  group_id text NOT NULL DEFAULT '',
  create_time timestamptz NOT NULL,
  send_time timestamptz,
  -- Its place in the dialog: send_time if any, else create_time.
  time timestamptz NOT NULL,
  -- Inbound: the number that sims gave it.
  inbound_id bigint,
  -- Outbound, on its way to sims: 0 waits for send_time, 1 is being submitted, 2 is in the ledger or never will be.
  phase smallint NOT NULL DEFAULT 2,
  -- Of phases 0 and 1: when a worker takes it up.
  due_time timestamptz,
  stop_confirmation boolean NOT NULL DEFAULT false,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX messages_timeline ON inbox.messages (account_id, contact_id, time, id);
CREATE UNIQUE INDEX messages_inbound ON inbox.messages (account_id, inbound_id) WHERE inbound_id IS NOT NULL;
CREATE INDEX messages_due ON inbox.messages (due_time) WHERE phase < 2;
SELECT mo.protect('inbox.messages');

-- The dialog with each contact.
CREATE TABLE inbox.conversations (
  account_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  unread bigint NOT NULL,
  last_message_time timestamptz NOT NULL,
  snippet text NOT NULL,
  PRIMARY KEY (account_id, contact_id)
);
CREATE INDEX conversations_latest ON inbox.conversations (account_id, last_message_time, contact_id);
CREATE INDEX conversations_unread ON inbox.conversations (account_id, last_message_time, contact_id) WHERE unread > 0;
SELECT mo.protect('inbox.conversations');

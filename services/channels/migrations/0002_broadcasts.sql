-- Broadcasts. content and audience are protos and never change.
CREATE TABLE channels.broadcasts (
  account_id bigint NOT NULL,
  id bigint NOT NULL,
  content bytea NOT NULL,
  audience bytea NOT NULL,
  state smallint NOT NULL,
  send_time timestamptz NOT NULL,
  expire_time timestamptz,
  create_time timestamptz NOT NULL,
  finish_time timestamptz,
  -- What sims should do with the dispatches, the number of the last change of that, and when to tell it (again); NULL:
  -- it knows.
  control smallint NOT NULL DEFAULT 1,
  control_version bigint NOT NULL DEFAULT 0,
  control_confirm boolean NOT NULL DEFAULT false,
  control_push_time timestamptz,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX broadcasts_control ON channels.broadcasts (control_push_time) WHERE control_push_time IS NOT NULL;
SELECT mo.protect('channels.broadcasts');

-- How far each broadcast's audience is resolved. Pages are decided here, once, before anything leaves: `stored` is the
-- page that may not have reached sims yet. The lease says who is at it; its epoch fences.
CREATE SEQUENCE channels.turns;
CREATE TABLE channels.expansions (
  account_id bigint NOT NULL,
  broadcast_id bigint NOT NULL,
  -- There is something to do: a page to plan or to submit, a state to change.
  open boolean NOT NULL,
  due_time timestamptz NOT NULL,
  turn bigint NOT NULL DEFAULT nextval('channels.turns'),
  lease_owner text NOT NULL DEFAULT '',
  lease_epoch bigint NOT NULL DEFAULT 0,
  lease_expire_time timestamptz NOT NULL DEFAULT '-infinity',
  page bigint NOT NULL DEFAULT 0,
  -- The last contact of the last page.
  cursor bigint NOT NULL DEFAULT 0,
  complete boolean NOT NULL DEFAULT false,
  stored bytea,
  -- Contacts of all pages so far, and how many of them were skipped, by number of the reason.
  resolved bigint NOT NULL DEFAULT 0,
  skipped bigint[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (account_id, broadcast_id)
) WITH (fillfactor = 50);
-- Numbers and addresses do not compress; trying costs more than it saves for a row that lives for milliseconds.
ALTER TABLE channels.expansions ALTER COLUMN stored SET STORAGE EXTERNAL;
CREATE INDEX expansions_due ON channels.expansions (due_time) WHERE open;
SELECT mo.protect('channels.expansions');

-- Who was skipped before anything reached sims: one row per page.
CREATE TABLE channels.broadcast_skips (
  account_id bigint NOT NULL,
  broadcast_id bigint NOT NULL,
  page bigint NOT NULL,
  contact_ids bigint[] NOT NULL,
  reasons smallint[] NOT NULL,
  create_time timestamptz NOT NULL,
  PRIMARY KEY (account_id, broadcast_id, page)
);
SELECT mo.protect('channels.broadcast_skips');

-- Whose counts are to be looked at: `touched` by an event since the last report, or `watching` for the end.
CREATE TABLE channels.progress (
  account_id bigint NOT NULL,
  broadcast_id bigint NOT NULL,
  touched boolean NOT NULL DEFAULT false,
  watching boolean NOT NULL DEFAULT false,
  report_time timestamptz NOT NULL DEFAULT '-infinity',
  PRIMARY KEY (account_id, broadcast_id)
) WITH (fillfactor = 50);
CREATE INDEX progress_report ON channels.progress (report_time) WHERE touched OR watching;
SELECT mo.protect('channels.progress');

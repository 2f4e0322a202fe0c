-- Contacts that were moved to another SIM: from where, and whether they still have to be told when they write.
ALTER TABLE contacts.contacts
  ADD COLUMN former_sim_id bigint,
  ADD COLUMN notice_waits boolean NOT NULL DEFAULT false;

-- What moved contacts are to be told, until it is settled.
CREATE TABLE contacts.notices (
  account_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  -- The contact's new SIM.
  sim_id bigint NOT NULL,
  sim_address text NOT NULL,
  sim_display_name text NOT NULL,
  -- common.v1.Content, with its placeholders.
  content bytea NOT NULL,
  -- Of sims: names the move, and with `attempt` the dispatch.
  event_id bigint NOT NULL,
  attempt integer NOT NULL DEFAULT 1,
  -- 1: to be submitted; 2: submitted; 3: waits until the contact writes.
  phase smallint NOT NULL DEFAULT 1,
  due_time timestamptz NOT NULL,
  submit_time timestamptz,
  PRIMARY KEY (account_id, contact_id)
) WITH (fillfactor = 50);
CREATE INDEX notices_due ON contacts.notices (due_time) WHERE phase = 1;
SELECT mo.protect('contacts.notices');

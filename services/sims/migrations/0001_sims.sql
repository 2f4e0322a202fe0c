-- Needed for the range index of dispatches by contact.
CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA mo;

CREATE TABLE sims.sims (
  account_id bigint NOT NULL,
  id bigint NOT NULL,
  network smallint NOT NULL,
  address text NOT NULL,
  display_name text NOT NULL,
  capacity bigint NOT NULL,
  occupancy bigint NOT NULL DEFAULT 0,
  state smallint NOT NULL,
  messages_per_second integer NOT NULL DEFAULT 0,
  token_hash bytea,
  version bigint NOT NULL DEFAULT 1,
  create_time timestamptz NOT NULL,
  PRIMARY KEY (account_id, id),
  CONSTRAINT sims_occupancy CHECK (occupancy >= 0)
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX sims_address ON sims.sims (account_id, network, address);
CREATE UNIQUE INDEX sims_token ON sims.sims (token_hash);
SELECT mo.protect('sims.sims');

-- Which process drives a SIM. The epoch fences: whoever holds an older one can write nothing.
CREATE TABLE sims.leases (
  account_id bigint NOT NULL,
  sim_id bigint NOT NULL,
  epoch bigint NOT NULL,
  expire_time timestamptz NOT NULL,
  PRIMARY KEY (account_id, sim_id)
) WITH (fillfactor = 50);
SELECT mo.protect('sims.leases');

-- Which SIM serves a contact.
CREATE TABLE sims.allocations (
  account_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  sim_id bigint NOT NULL,
  create_time timestamptz NOT NULL,
  CONSTRAINT allocations_pkey PRIMARY KEY (account_id, contact_id)
);
SELECT mo.protect('sims.allocations');

-- Contacts that have opted out, now or once; the version decides between changes that arrive out of order.
CREATE TABLE sims.suppressions (
  account_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  suppressed boolean NOT NULL,
  version bigint NOT NULL,
  PRIMARY KEY (account_id, contact_id)
);
SELECT mo.protect('sims.suppressions');

-- What every recipient of a dispatch is; never changed.
CREATE SEQUENCE sims.dispatch_id;
CREATE TABLE sims.dispatches (
  account_id bigint NOT NULL,
  id bigint NOT NULL,
  key text NOT NULL,
  sim_id bigint NOT NULL,
  lane smallint NOT NULL,
  group_key text NOT NULL,
  content bytea NOT NULL,
  parameter_names text[] NOT NULL,
  contact_ids bigint[] NOT NULL,
  addresses text[] NOT NULL,
  -- Values of parameter_names, recipient by recipient.
  parameters text[] NOT NULL,
  ignore_suppression boolean NOT NULL,
  contact_range int8range NOT NULL,
  create_time timestamptz NOT NULL,
  expire_time timestamptz,
  PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX dispatches_key ON sims.dispatches (account_id, key);
CREATE INDEX dispatches_group ON sims.dispatches (account_id, group_key, id);
CREATE INDEX dispatches_contact ON sims.dispatches USING gist (account_id, sim_id, contact_range);
SELECT mo.protect('sims.dispatches');

-- Where each recipient stands: one byte each (state << 4 | reason). Updated often, so narrow, half empty and in no index
-- but by key; `open` (somebody is queued or attempting) turns false once.
CREATE TABLE sims.dispatch_states (
  account_id bigint NOT NULL,
  id bigint NOT NULL,
  sim_id bigint NOT NULL,
  lane smallint NOT NULL,
  control smallint NOT NULL,
  open boolean NOT NULL,
  status bytea NOT NULL,
  report_time timestamptz,
  update_time timestamptz NOT NULL,
  PRIMARY KEY (account_id, id)
) WITH (fillfactor = 40);
ALTER TABLE sims.dispatch_states ALTER COLUMN status SET STORAGE PLAIN;
CREATE INDEX dispatch_states_open ON sims.dispatch_states (account_id, sim_id, lane, id) WHERE open;
SELECT mo.protect('sims.dispatch_states');

-- What has been asked of a group, for dispatches that are submitted later. Only groups that were ever controlled.
CREATE TABLE sims.group_controls (
  account_id bigint NOT NULL,
  group_key text NOT NULL,
  control smallint NOT NULL,
  PRIMARY KEY (account_id, group_key)
);
SELECT mo.protect('sims.group_controls');

-- Messages that have arrived, to know them again; the message itself travels in the event.
CREATE SEQUENCE sims.inbound_id;
CREATE TABLE sims.inbound (
  account_id bigint NOT NULL,
  sim_id bigint NOT NULL,
  provider_message_id text NOT NULL,
  id bigint NOT NULL,
  receive_time timestamptz NOT NULL,
  PRIMARY KEY (account_id, sim_id, provider_message_id)
);
CREATE INDEX inbound_age ON sims.inbound USING brin (receive_time);
SELECT mo.protect('sims.inbound');

-- The groups each SIM is in.
CREATE TABLE sims.groups (
  account_id bigint NOT NULL,
  sim_id bigint NOT NULL,
  group_id text NOT NULL,
  display_name text NOT NULL,
  join_time timestamptz NOT NULL,
  PRIMARY KEY (account_id, sim_id, group_id)
);
SELECT mo.protect('sims.groups');

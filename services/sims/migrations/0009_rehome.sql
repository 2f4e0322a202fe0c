-- SIMs whose contacts are being moved to others, until none is left.
CREATE TABLE sims.rehomings (
  account_id bigint NOT NULL,
  sim_id bigint NOT NULL,
  since timestamptz NOT NULL,
  -- Not tried before: there was no room.
  next_time timestamptz NOT NULL,
  moved bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, sim_id)
);
CREATE INDEX rehomings_due ON sims.rehomings (next_time);
SELECT mo.protect('sims.rehomings');

CREATE INDEX allocations_sim ON sims.allocations (sim_id, contact_id);
CREATE INDEX sims_blocked ON sims.sims (id) WHERE state = 4;

-- SIMs that were deleted while messages waited: these are ended, for nobody will send them.
CREATE TABLE sims.deleted_sims (
  account_id bigint NOT NULL,
  sim_id bigint NOT NULL,
  delete_time timestamptz NOT NULL,
  PRIMARY KEY (account_id, sim_id)
);
SELECT mo.protect('sims.deleted_sims');

-- What a SIM is asked to do that another process drives. Short-lived.
CREATE TABLE sims.group_commands (
  account_id bigint NOT NULL,
  id bigint NOT NULL,
  sim_id bigint NOT NULL,
  -- 1: join by the link `argument`; 2: leave the group `argument`.
  kind smallint NOT NULL,
  argument text NOT NULL,
  expire_time timestamptz NOT NULL,
  -- A process has begun with it.
  taken boolean NOT NULL DEFAULT false,
  -- It has ended: JoinOutcome, or a google.rpc.Status where it failed.
  done boolean NOT NULL DEFAULT false,
  outcome smallint NOT NULL DEFAULT 0,
  failure bytea,
  PRIMARY KEY (account_id, id)
) WITH (fillfactor = 50);
CREATE INDEX group_commands_open ON sims.group_commands (id) WHERE NOT taken;
CREATE INDEX group_commands_age ON sims.group_commands (expire_time);
SELECT mo.protect('sims.group_commands');

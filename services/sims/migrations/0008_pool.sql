-- How an account gives its contacts SIMs. No row: the defaults.
CREATE TABLE sims.pool_settings (
  account_id bigint NOT NULL,
  -- AllocationStrategy of network 1, 2, …; NULL or missing: LEAST_FILLED.
  strategies smallint[] NOT NULL DEFAULT '{}',
  rehome_blocked boolean NOT NULL DEFAULT false,
  -- common.v1.Content; NULL: a moved contact is told nothing.
  rehome_notice bytea,
  PRIMARY KEY (account_id)
);
SELECT mo.protect('sims.pool_settings');

-- Why a SIM is in its state (services/sims/sim_states.cc), how fast it may send, how it began.
ALTER TABLE sims.sims
  ADD COLUMN state_code text NOT NULL DEFAULT '',
  ADD COLUMN state_detail text NOT NULL DEFAULT '',
  ADD COLUMN state_time timestamptz,
  -- Where a block by the network found it, and its end brings it back to.
  ADD COLUMN state_before_block smallint,
  ADD COLUMN speed double precision NOT NULL DEFAULT 1,
  ADD COLUMN network_rating text NOT NULL DEFAULT '',
  -- Different recipients in 24 hours that the network has told us to keep to; 0: it has not, or there is no limit.
  ADD COLUMN recipients_per_day bigint NOT NULL DEFAULT 0,
  -- On the first day; 0: no warm-up.
  ADD COLUMN warm_up_recipients integer NOT NULL DEFAULT 0,
  ADD COLUMN warm_up_growth integer NOT NULL DEFAULT 0,
  ADD COLUMN warm_up_days integer NOT NULL DEFAULT 0,
  ADD COLUMN warm_up_start timestamptz;

-- What has happened to SIMs; kept for 90 days.
CREATE SEQUENCE sims.history_id;
CREATE TABLE sims.history (
  account_id bigint NOT NULL,
  sim_id bigint NOT NULL,
  id bigint NOT NULL DEFAULT nextval('sims.history_id'),
  time timestamptz NOT NULL,
  state smallint NOT NULL,
  code text NOT NULL,
  detail text NOT NULL,
  actor text NOT NULL,
  speed double precision NOT NULL,
  PRIMARY KEY (account_id, sim_id, id)
);
CREATE INDEX history_age ON sims.history USING brin (time);
SELECT mo.protect('sims.history');

-- What has become of each SIM's messages, by hour. A failure after a message was taken takes it out of `accepted`, so one
-- hour's may be negative.
CREATE TABLE sims.quality (
  account_id bigint NOT NULL,
  sim_id bigint NOT NULL,
  hour timestamptz NOT NULL,
  accepted bigint NOT NULL,
  failed bigint NOT NULL,
  blocked bigint NOT NULL,
  -- Failures that the message itself is to blame for, not the SIM.
  refused bigint NOT NULL,
  PRIMARY KEY (account_id, sim_id, hour)
) WITH (fillfactor = 50);
CREATE INDEX quality_age ON sims.quality USING brin (hour);
SELECT mo.protect('sims.quality');

-- How each SIM that has sent is judged.
CREATE TABLE sims.judgements (
  account_id bigint NOT NULL,
  sim_id bigint NOT NULL,
  -- Of the last 24 hours, as of the last judgement.
  accepted bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  blocked bigint NOT NULL DEFAULT 0,
  score double precision NOT NULL DEFAULT 1,
  -- Since the last decision: what the next one is made of.
  since_accepted bigint NOT NULL DEFAULT 0,
  since_failed bigint NOT NULL DEFAULT 0,
  since_blocked bigint NOT NULL DEFAULT 0,
  since_time timestamptz NOT NULL,
  -- When it is due; NULL: there is nothing to judge.
  judge_time timestamptz,
  PRIMARY KEY (account_id, sim_id)
) WITH (fillfactor = 50);
CREATE INDEX judgements_due ON sims.judgements (judge_time) WHERE judge_time IS NOT NULL;
SELECT mo.protect('sims.judgements');

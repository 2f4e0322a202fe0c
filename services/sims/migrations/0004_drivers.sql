-- How SIMs reach their providers. A SIM without a row is driven by a device agent.
CREATE TABLE sims.drivers (
  account_id bigint NOT NULL,
  sim_id bigint NOT NULL,
  driver text NOT NULL,
  -- The provider's ids of the SIM and of its business, '' where it has none.
  sender_id text NOT NULL,
  business_id text NOT NULL,
  -- sims.v1.Driver without its credentials.
  settings bytea NOT NULL,
  -- The same with them, sealed (libs/secrets) by key key_id for "sims.drivers/<account>/<SIM>".
  sealed bytea NOT NULL,
  key_id text NOT NULL,
  PRIMARY KEY (account_id, sim_id)
);
CREATE INDEX drivers_sim ON sims.drivers (sim_id);
CREATE INDEX drivers_sender ON sims.drivers (driver, sender_id);
CREATE INDEX drivers_business ON sims.drivers (driver, business_id);
CREATE INDEX drivers_key ON sims.drivers (key_id);
SELECT mo.protect('sims.drivers');

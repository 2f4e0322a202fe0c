-- How full each SIM was when that was last told of.
CREATE TABLE sims.occupancy_reports (
  account_id bigint NOT NULL,
  sim_id bigint NOT NULL,
  network smallint NOT NULL,
  occupancy bigint NOT NULL,
  capacity bigint NOT NULL,
  PRIMARY KEY (account_id, sim_id)
);
SELECT mo.protect('sims.occupancy_reports');

-- What the provider may charge its messages as (common.v1.MessageClass).
ALTER TABLE sims.dispatches ADD COLUMN message_class smallint NOT NULL DEFAULT 0;

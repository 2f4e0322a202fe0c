-- Until when a network lets us write freely to an address: so long after its last message. Only of networks that do so.
CREATE TABLE sims.reply_windows (
  account_id bigint NOT NULL,
  sim_id bigint NOT NULL,
  address text NOT NULL,
  open_until timestamptz NOT NULL,
  PRIMARY KEY (account_id, sim_id, address)
) WITH (fillfactor = 50);
SELECT mo.protect('sims.reply_windows');

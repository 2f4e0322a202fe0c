-- What providers call our messages, where their receipts do not carry our key. Kept as long as receipts can come.
CREATE TABLE sims.provider_messages (
  account_id bigint NOT NULL,
  sim_id bigint NOT NULL,
  provider_message_id text NOT NULL,
  -- The delivery key (dispatch id << 10 | index). NULL: a receipt has overtaken its send, which is not committed yet.
  key bigint,
  -- While there is no key: what the highest receipt said, as in dispatch_states.status.
  status smallint NOT NULL,
  -- The recipient, for receipts that hold for all that was sent to it until then; '' where there are none such.
  address text NOT NULL,
  send_time timestamptz NOT NULL,
  PRIMARY KEY (account_id, sim_id, provider_message_id)
) WITH (fillfactor = 70);
CREATE INDEX provider_messages_address ON sims.provider_messages (sim_id, address, send_time) WHERE address <> '';
CREATE INDEX provider_messages_age ON sims.provider_messages USING brin (send_time);
SELECT mo.protect('sims.provider_messages');

-- Until when all that was sent to an address is known to be delivered and read.
CREATE TABLE sims.watermarks (
  account_id bigint NOT NULL,
  sim_id bigint NOT NULL,
  address text NOT NULL,
  delivered_until timestamptz,
  read_until timestamptz,
  PRIMARY KEY (account_id, sim_id, address)
) WITH (fillfactor = 50);
SELECT mo.protect('sims.watermarks');

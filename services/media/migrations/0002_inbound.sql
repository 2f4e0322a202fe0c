-- What the sims service calls a file that somebody has sent: "<SIM>/<the network's id of the message>". Brought again, it is
-- the same file.
ALTER TABLE media.files ADD COLUMN inbound_key text;
CREATE UNIQUE INDEX files_inbound_key ON media.files (account_id, inbound_key) WHERE inbound_key IS NOT NULL;

-- What a link adds to its target, what it was made for (0: nothing), and how often it was changed.
ALTER TABLE links.links
  ADD COLUMN utm bytea NOT NULL DEFAULT '',
  ADD COLUMN broadcast_id bigint NOT NULL DEFAULT 0,
  ADD COLUMN channel_id bigint NOT NULL DEFAULT 0,
  ADD COLUMN message_id bigint NOT NULL DEFAULT 0,
  ADD COLUMN contact_id bigint NOT NULL DEFAULT 0,
  ADD COLUMN version bigint NOT NULL DEFAULT 1;
CREATE INDEX links_broadcast ON links.links (account_id, broadcast_id, id) WHERE broadcast_id <> 0;
CREATE INDEX links_channel ON links.links (account_id, channel_id, id) WHERE channel_id <> 0;

-- Where an account's links are reached; domain in lower case.
CREATE TABLE links.settings (
  account_id bigint PRIMARY KEY,
  domain text,
  version bigint NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX settings_domain ON links.settings (domain);
SELECT mo.protect('links.settings');

-- Numbers of personal codes: first_number to first_number + recipients - 1 lead to the link. One range for each URL
-- (position) of a request_key.
CREATE TABLE links.code_ranges (
  account_id bigint NOT NULL,
  first_number bigint NOT NULL,
  recipients bigint NOT NULL,
  link_id bigint NOT NULL,
  request_key text NOT NULL,
  position integer NOT NULL,
  url text NOT NULL,
  broadcast_id bigint NOT NULL,
  channel_id bigint NOT NULL,
  message_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  PRIMARY KEY (account_id, first_number)
);
CREATE UNIQUE INDEX code_ranges_first ON links.code_ranges (first_number);
CREATE UNIQUE INDEX code_ranges_request ON links.code_ranges (account_id, request_key, position);
SELECT mo.protect('links.code_ranges');

-- The next number that is free; none is 0. One row, as is the key that makes codes of numbers, sealed.
CREATE TABLE links.code_numbers (
  account_id bigint PRIMARY KEY,
  next_number bigint NOT NULL
);
INSERT INTO links.code_numbers VALUES (0, 1);
SELECT mo.protect('links.code_numbers');
CREATE TABLE links.code_keys (
  account_id bigint PRIMARY KEY,
  sealed bytea NOT NULL
);
SELECT mo.protect('links.code_keys');

-- What visitors of a day are hashed with; gone two days later, and with it whoever could tell who they were.
CREATE TABLE links.salts (
  account_id bigint NOT NULL,
  day date NOT NULL,
  salt bytea NOT NULL,
  PRIMARY KEY (account_id, day)
);
SELECT mo.protect('links.salts');

-- Clicks of all accounts as the redirect has committed them, links.v1.ClickBatch; without payload: counted. The row stays
-- for some days, so that a batch which comes again from a spool is not counted again.
CREATE TABLE links.click_batches (
  account_id bigint NOT NULL,
  id bytea NOT NULL,
  payload bytea,
  create_time timestamptz NOT NULL,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX click_batches_open ON links.click_batches (create_time) WHERE payload IS NOT NULL;
CREATE INDEX click_batches_age ON links.click_batches USING brin (create_time);
SELECT mo.protect('links.click_batches');

-- Clicks of one visitor of a link on one day (UTC): a recipient of a range of codes, or somebody known by a hash.
CREATE SEQUENCE links.click_id;
CREATE TABLE links.clicks (
  account_id bigint NOT NULL,
  link_id bigint NOT NULL,
  first_number bigint NOT NULL,
  recipient bigint NOT NULL,
  visitor bigint NOT NULL,
  day date NOT NULL,
  bot boolean NOT NULL,
  id bigint NOT NULL DEFAULT nextval('links.click_id'),
  clicks bigint NOT NULL,
  first_time timestamptz NOT NULL,
  last_time timestamptz NOT NULL,
  PRIMARY KEY (account_id, link_id, first_number, recipient, visitor, bot, day)
) WITH (fillfactor = 80);
CREATE INDEX clicks_link ON links.clicks (account_id, link_id, id);
CREATE INDEX clicks_age ON links.clicks USING brin (day);
SELECT mo.protect('links.clicks');

-- Clicks by hour.
CREATE TABLE links.click_hours (
  account_id bigint NOT NULL,
  link_id bigint NOT NULL,
  hour timestamptz NOT NULL,
  clicks bigint NOT NULL,
  bot_clicks bigint NOT NULL,
  unique_clicks bigint NOT NULL,
  PRIMARY KEY (account_id, link_id, hour)
) WITH (fillfactor = 80);
SELECT mo.protect('links.click_hours');

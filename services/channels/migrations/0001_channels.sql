-- Channels. A deleted one keeps its row until its subscriptions are gone, see the sweeper.
CREATE TABLE channels.channels (
  account_id bigint NOT NULL,
  id bigint NOT NULL,
  display_name text NOT NULL,
  keyword text NOT NULL,
  leave_keyword text NOT NULL,
  description text NOT NULL,
  welcome_text text NOT NULL,
  leave_text text NOT NULL,
  listed boolean NOT NULL,
  version bigint NOT NULL DEFAULT 1,
  create_time timestamptz NOT NULL,
  delete_time timestamptz,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX channels_deleted ON channels.channels (delete_time) WHERE delete_time IS NOT NULL;
SELECT mo.protect('channels.channels');

-- How many channels an account has, against its limit.
CREATE TABLE channels.totals (
  account_id bigint NOT NULL PRIMARY KEY,
  channels integer NOT NULL
);
SELECT mo.protect('channels.totals');

-- Every folding of every keyword and leave keyword: two channels whose keywords may be typed alike cannot both be.
CREATE TABLE channels.keywords (
  account_id bigint NOT NULL,
  form text NOT NULL,
  channel_id bigint NOT NULL,
  CONSTRAINT keywords_pkey PRIMARY KEY (account_id, form)
);
CREATE INDEX keywords_channel ON channels.keywords (account_id, channel_id);
SELECT mo.protect('channels.keywords');

CREATE TABLE channels.subscriptions (
  account_id bigint NOT NULL,
  channel_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  create_time timestamptz NOT NULL,
  PRIMARY KEY (account_id, channel_id, contact_id)
);
CREATE INDEX subscriptions_contact ON channels.subscriptions (account_id, contact_id, channel_id);
SELECT mo.protect('channels.subscriptions');

-- How many subscriptions a channel has: the sum of its shards. Changes with the subscriptions; in shards, so that
-- contacts who subscribe at the same time seldom wait for one another.
CREATE TABLE channels.subscriber_counts (
  account_id bigint NOT NULL,
  channel_id bigint NOT NULL,
  shard smallint NOT NULL,
  subscribers bigint NOT NULL,
  PRIMARY KEY (account_id, channel_id, shard)
) WITH (fillfactor = 50);
SELECT mo.protect('channels.subscriber_counts');

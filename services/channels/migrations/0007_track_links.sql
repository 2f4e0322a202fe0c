-- URLs are sent as short links, one for each recipient.
ALTER TABLE channels.broadcasts ADD COLUMN track_links boolean NOT NULL DEFAULT false;

-- Clicks on its links so far.
ALTER TABLE channels.progress
  ADD COLUMN clicks bigint NOT NULL DEFAULT 0,
  ADD COLUMN bot_clicks bigint NOT NULL DEFAULT 0,
  ADD COLUMN unique_clicks bigint NOT NULL DEFAULT 0;

-- What its links add to their targets: links.v1.Utm.
ALTER TABLE channels.broadcasts ADD COLUMN link_utm bytea;

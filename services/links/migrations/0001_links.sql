-- Short links. A code is never given again: deleted links keep their row.
CREATE TABLE links.links (
  account_id bigint NOT NULL,
  id bigint NOT NULL,
  code text NOT NULL,
  target_url text NOT NULL,
  display_name text NOT NULL DEFAULT '',
  create_time timestamptz NOT NULL,
  expire_time timestamptz,
  delete_time timestamptz,
  PRIMARY KEY (account_id, id)
);
-- Codes are unique over all accounts: they share the short domain.
CREATE UNIQUE INDEX links_code ON links.links (code);
SELECT mo.protect('links.links');

-- Tenants. An account's row belongs to itself: account_id is its own id.
CREATE TABLE accounts.accounts (
  account_id bigint NOT NULL PRIMARY KEY,
  display_name text NOT NULL,
  create_time timestamptz NOT NULL
);
SELECT mo.protect('accounts.accounts');

-- version is the etag: it grows with every update.
CREATE TABLE accounts.settings (
  account_id bigint NOT NULL PRIMARY KEY,
  time_zone text NOT NULL,
  default_language text NOT NULL,
  stop_languages text[] NOT NULL,
  delete_pending_after_days integer NOT NULL,
  delete_stopped_after_days integer NOT NULL,
  version bigint NOT NULL
);
SELECT mo.protect('accounts.settings');

-- Keys of the API. Revoked ones keep their row, so that a key's id in an old log line still has a name.
CREATE TABLE accounts.api_keys (
  account_id bigint NOT NULL,
  id bigint NOT NULL,
  display_name text NOT NULL,
  scopes text[] NOT NULL,
  hint text NOT NULL,
  secret_hash bytea NOT NULL,
  create_time timestamptz NOT NULL,
  revoke_time timestamptz,
  PRIMARY KEY (account_id, id)
);
-- Whose key it is, is asked before the account is known.
CREATE UNIQUE INDEX api_keys_secret ON accounts.api_keys (secret_hash);
-- The list, and the count against the limit.
CREATE INDEX api_keys_live ON accounts.api_keys (account_id, id) WHERE revoke_time IS NULL;
SELECT mo.protect('accounts.api_keys');

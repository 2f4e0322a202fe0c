-- Files that messages carry. The bytes lie in the data folder under the account and their SHA-256; several rows may share
-- them. A row exists only when its bytes are on disk.
CREATE TABLE media.files (
  account_id bigint NOT NULL,
  id bigint NOT NULL,
  sha256 bytea NOT NULL,
  kind smallint NOT NULL,
  mime_type text NOT NULL,
  size_bytes bigint NOT NULL,
  width integer NOT NULL,
  height integer NOT NULL,
  filename text NOT NULL,
  create_time timestamptz NOT NULL,
  PRIMARY KEY (account_id, id)
);
SELECT mo.protect('media.files');

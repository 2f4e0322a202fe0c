-- The recipients of a request's ranges: eight bytes each, big endian, by index. Not compressed, so that one is read without the
-- others.
CREATE TABLE links.range_contacts (
  account_id bigint NOT NULL,
  request_key text NOT NULL,
  contacts bytea NOT NULL,
  PRIMARY KEY (account_id, request_key)
);
ALTER TABLE links.range_contacts ALTER COLUMN contacts SET STORAGE EXTERNAL;
SELECT mo.protect('links.range_contacts');

-- Which links a broadcast has for which URLs.
CREATE INDEX code_ranges_link ON links.code_ranges (account_id, link_id);

-- Whose personal code was clicked; 0: nobody knows.
ALTER TABLE links.clicks ADD COLUMN contact_id bigint NOT NULL DEFAULT 0;
CREATE INDEX clicks_contact ON links.clicks (account_id, contact_id, id) WHERE contact_id <> 0;
CREATE INDEX clicks_contacts ON links.clicks (account_id, id) WHERE contact_id <> 0;

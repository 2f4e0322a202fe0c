-- The channels that registrations may name, as the channels service has said; also ids that it has set aside for channels
-- and not used.
CREATE TABLE contacts.channels (
  account_id bigint NOT NULL,
  id bigint NOT NULL,
  PRIMARY KEY (account_id, id)
);
SELECT mo.protect('contacts.channels');

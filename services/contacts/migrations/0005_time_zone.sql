-- The clock that a contact lives by, where known.
ALTER TABLE contacts.contacts ADD COLUMN time_zone text;

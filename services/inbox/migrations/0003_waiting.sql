-- Since when a contact waits for a person's answer: its first message after the last one. NULL: it does not.
ALTER TABLE inbox.conversations ADD COLUMN waiting_since timestamptz;

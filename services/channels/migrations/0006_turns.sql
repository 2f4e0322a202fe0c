-- Accounts take turns, and an account's broadcasts among themselves. `pass` is what an account has had: contacts by its weight.
-- `waiting`: it may have a broadcast in the queue; who else comes, waits from where the others are.
CREATE TABLE channels.account_turns (
  account_id bigint NOT NULL PRIMARY KEY,
  pass double precision NOT NULL,
  waiting boolean NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX account_turns_waiting ON channels.account_turns (pass, account_id) WHERE waiting;
CREATE INDEX account_turns_pass ON channels.account_turns (pass);
SELECT mo.protect('channels.account_turns');

-- The place in the account's queue; NULL: not before due_time.
ALTER TABLE channels.expansions ALTER COLUMN turn DROP NOT NULL, ALTER COLUMN turn DROP DEFAULT;
UPDATE channels.expansions SET turn = NULL;
DROP INDEX channels.expansions_due;
CREATE INDEX expansions_due ON channels.expansions (due_time) WHERE open AND turn IS NULL;
CREATE INDEX expansions_turn ON channels.expansions (account_id, turn) WHERE open AND turn IS NOT NULL;

-- How many SIMs the last page was for: the next one is to fill a dispatch for each.
ALTER TABLE channels.expansions ADD COLUMN sims integer NOT NULL DEFAULT 0;

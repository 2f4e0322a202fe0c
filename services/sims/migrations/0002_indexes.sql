-- No index of the ledger but the primary keys begins with account_id. On tables that fill faster than they are analyzed the
-- planner cannot tell indexes with the same first column apart, and would read all of an account's dispatches to find one.
DROP INDEX sims.dispatches_key;
CREATE UNIQUE INDEX dispatches_key ON sims.dispatches (key, account_id);
DROP INDEX sims.dispatches_group;
CREATE INDEX dispatches_group ON sims.dispatches (group_key, account_id, id);
DROP INDEX sims.dispatches_contact;
CREATE INDEX dispatches_contact ON sims.dispatches USING gist (sim_id, contact_range);
DROP INDEX sims.dispatch_states_open;
CREATE INDEX dispatch_states_open ON sims.dispatch_states (sim_id, lane, id) WHERE open;

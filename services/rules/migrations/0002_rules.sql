-- The rules of an account; `rule` is the whole as rules.v1.Rule, the columns are what is asked for.
CREATE TABLE rules.rules (
  account_id bigint NOT NULL,
  id bigint NOT NULL,
  priority integer NOT NULL,
  version bigint NOT NULL DEFAULT 1,
  rule bytea NOT NULL,
  PRIMARY KEY (account_id, id)
);
SELECT mo.protect('rules.rules');

-- Changes with every change of an account's rules: who has compiled them asks whether they are still these.
CREATE TABLE rules.rule_sets (
  account_id bigint PRIMARY KEY,
  version bigint NOT NULL,
  rules integer NOT NULL
);
SELECT mo.protect('rules.rule_sets');

-- How often a rule has fired within a period, for a contact or for all (contact_id 0). Rule 0: automatic answers to a contact.
CREATE TABLE rules.uses (
  account_id bigint NOT NULL,
  rule_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  period_start timestamptz NOT NULL,
  uses integer NOT NULL,
  expire_time timestamptz NOT NULL,
  PRIMARY KEY (account_id, rule_id, contact_id, period_start)
) WITH (fillfactor = 80);
CREATE INDEX uses_expired ON rules.uses USING brin (expire_time);
SELECT mo.protect('rules.uses');

-- Rules that are gone and may still have uses.
CREATE TABLE rules.deleted_rules (
  account_id bigint NOT NULL,
  rule_id bigint NOT NULL,
  PRIMARY KEY (account_id, rule_id)
);
SELECT mo.protect('rules.deleted_rules');

-- Which rules fired at a message, where that was counted: in one transaction with the counts, so that what is done again after a
-- crash is the same. Kept for as long as an event may come again.
CREATE TABLE rules.decisions (
  account_id bigint NOT NULL,
  message_id bigint NOT NULL,
  fired bigint[] NOT NULL,
  decide_time timestamptz NOT NULL,
  PRIMARY KEY (account_id, message_id)
);
CREATE INDEX decisions_age ON rules.decisions USING brin (decide_time);
SELECT mo.protect('rules.decisions');

-- The texts that an account has set, by language (lower case).
CREATE TABLE rules.standard_answers (
  account_id bigint NOT NULL,
  language text NOT NULL,
  welcome_text text NOT NULL,
  stop_text text NOT NULL,
  leave_text text NOT NULL,
  subscribe_text text NOT NULL,
  PRIMARY KEY (account_id, language)
);
SELECT mo.protect('rules.standard_answers');

-- How an account's stop words differ from the product's.
CREATE TABLE rules.stop_words (
  account_id bigint PRIMARY KEY,
  added text[] NOT NULL,
  removed text[] NOT NULL
);
SELECT mo.protect('rules.stop_words');

-- What each message did; kept for 30 days.
CREATE TABLE rules.evaluations (
  account_id bigint NOT NULL,
  message_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  evaluation bytea NOT NULL,
  evaluate_time timestamptz NOT NULL,
  PRIMARY KEY (account_id, message_id)
);
CREATE INDEX evaluations_contact ON rules.evaluations (account_id, contact_id, message_id);
CREATE INDEX evaluations_age ON rules.evaluations USING brin (evaluate_time);
SELECT mo.protect('rules.evaluations');

-- How an account's stop words of a language differ from the product's.
CREATE TABLE rules.stop_word_languages (
  account_id bigint NOT NULL,
  language text NOT NULL,
  added text[] NOT NULL,
  removed text[] NOT NULL,
  PRIMARY KEY (account_id, language)
);
SELECT mo.protect('rules.stop_word_languages');

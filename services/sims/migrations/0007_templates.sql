-- Written by a person, whom some networks let answer for longer.
ALTER TABLE sims.dispatches ADD COLUMN by_person boolean NOT NULL DEFAULT false;

-- What the network has approved of a SIM's business, as last heard.
CREATE TABLE sims.templates (
  account_id bigint NOT NULL,
  sim_id bigint NOT NULL,
  name text NOT NULL,
  language text NOT NULL,
  category text NOT NULL,
  status smallint NOT NULL,
  body text NOT NULL,
  body_parameters integer NOT NULL,
  header_format text NOT NULL,
  rejected_reason text NOT NULL,
  update_time timestamptz NOT NULL,
  PRIMARY KEY (account_id, sim_id, name, language)
);
SELECT mo.protect('sims.templates');

-- When a SIM's catalogue was read. A SIM without a row, or never read: nothing is known of its templates.
CREATE TABLE sims.template_catalogues (
  account_id bigint NOT NULL,
  sim_id bigint NOT NULL,
  read_time timestamptz,
  -- Not tried again before, after an attempt that failed.
  next_time timestamptz NOT NULL,
  PRIMARY KEY (account_id, sim_id)
);
SELECT mo.protect('sims.template_catalogues');

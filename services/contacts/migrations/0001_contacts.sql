-- One end customer on one network.
CREATE TABLE contacts.contacts (
  account_id bigint NOT NULL,
  id bigint NOT NULL,
  network smallint NOT NULL,
  address text,
  phone text,
  display_name text NOT NULL,
  language text NOT NULL,
  state smallint NOT NULL,
  sim_id bigint,
  attributes jsonb NOT NULL,
  create_time timestamptz NOT NULL,
  activate_time timestamptz,
  last_inbound_time timestamptz,
  stop_time timestamptz,
  -- The etag, and what orders changes of suppression at sims.
  version bigint NOT NULL,
  -- False from a stop or its end until sims has confirmed that it knows.
  suppress_synced boolean NOT NULL DEFAULT true,
  -- For search by prefix. A column, because row-level security keeps an index on lower(…) from being used.
  name_key text GENERATED ALWAYS AS (lower(display_name)) STORED,
  CONSTRAINT contacts_pkey PRIMARY KEY (account_id, id),
  CONSTRAINT contacts_active_has_sim CHECK (state <> 2 OR (sim_id IS NOT NULL AND address IS NOT NULL))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX contacts_address ON contacts.contacts (account_id, network, address);
CREATE INDEX contacts_phone ON contacts.contacts (account_id, network, phone) WHERE phone IS NOT NULL;
CREATE INDEX contacts_state ON contacts.contacts (account_id, state, id);
CREATE INDEX contacts_sim ON contacts.contacts (account_id, sim_id, id);
CREATE INDEX contacts_name_prefix ON contacts.contacts (account_id, name_key text_pattern_ops);
CREATE INDEX contacts_phone_prefix ON contacts.contacts (account_id, phone text_pattern_ops) WHERE phone IS NOT NULL;
CREATE INDEX contacts_address_prefix ON contacts.contacts (account_id, address text_pattern_ops)
  WHERE address IS NOT NULL;
CREATE INDEX contacts_unsynced ON contacts.contacts (account_id, id) WHERE NOT suppress_synced;
SELECT mo.protect('contacts.contacts');

-- Contacts by state, in 16 rows per account so that writers seldom wait for each other. Kept by a trigger: exact whatever
-- statement writes contacts. An index could answer too, but a million entries cost some 100 ms per look.
CREATE TABLE contacts.counts (
  account_id bigint NOT NULL,
  shard smallint NOT NULL,
  pending bigint NOT NULL,
  active bigint NOT NULL,
  stopped bigint NOT NULL,
  PRIMARY KEY (account_id, shard)
) WITH (fillfactor = 20);
SELECT mo.protect('contacts.counts');

CREATE FUNCTION contacts.count_change(account bigint, contact bigint, state_of smallint, change bigint) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO contacts.counts AS c (account_id, shard, pending, active, stopped)
  VALUES (account, contact % 16, CASE state_of WHEN 1 THEN change ELSE 0 END, CASE state_of WHEN 2 THEN change ELSE 0 END,
          CASE state_of WHEN 3 THEN change ELSE 0 END)
  ON CONFLICT (account_id, shard) DO UPDATE SET pending = c.pending + excluded.pending,
    active = c.active + excluded.active, stopped = c.stopped + excluded.stopped
$$;
CREATE FUNCTION contacts.count_contact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    PERFORM contacts.count_change(OLD.account_id, OLD.id, OLD.state, -1);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    PERFORM contacts.count_change(NEW.account_id, NEW.id, NEW.state, 1);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER contacts_count AFTER INSERT OR DELETE ON contacts.contacts
  FOR EACH ROW EXECUTE FUNCTION contacts.count_contact();
CREATE TRIGGER contacts_count_state AFTER UPDATE OF state ON contacts.contacts
  FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION contacts.count_contact();

-- What a customer was shown, and chose.
CREATE TABLE contacts.registrations (
  account_id bigint NOT NULL,
  id bigint NOT NULL,
  contact_id bigint NOT NULL,
  network smallint NOT NULL,
  sim_address text NOT NULL,
  sim_display_name text NOT NULL,
  -- What the deep link carries.
  link_text text NOT NULL,
  channel_ids text[] NOT NULL,
  language text NOT NULL,
  create_time timestamptz NOT NULL,
  -- Its channels were handed on when a message confirmed them.
  applied boolean NOT NULL DEFAULT false,
  PRIMARY KEY (account_id, id)
);
CREATE INDEX registrations_contact ON contacts.registrations (account_id, contact_id);
SELECT mo.protect('contacts.registrations');

-- Places at sims that are in doubt: asked for and not yet entered in contacts, or to be given up (places.h).
CREATE TABLE contacts.places (
  account_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  network smallint NOT NULL,
  -- The phone or address that the contact will have, so that all who ask for it share one place.
  key text,
  -- Those who ask just now, and the dead among them.
  attempts integer NOT NULL,
  -- To be given up: nobody may enter it any more.
  releasing boolean NOT NULL DEFAULT false,
  touch_time timestamptz NOT NULL,
  CONSTRAINT places_pkey PRIMARY KEY (account_id, contact_id)
);
CREATE UNIQUE INDEX places_key ON contacts.places (account_id, network, key);
CREATE INDEX places_age ON contacts.places (touch_time);
SELECT mo.protect('contacts.places');

-- What became of each inbound message, so that a repeated call gets the same answer. Kept 30 days.
CREATE TABLE contacts.inbound_seen (
  account_id bigint NOT NULL,
  inbound_id bigint NOT NULL,
  contact_id bigint NOT NULL,
  outcome smallint NOT NULL,
  channel_ids text[] NOT NULL,
  create_time timestamptz NOT NULL,
  CONSTRAINT inbound_seen_pkey PRIMARY KEY (account_id, inbound_id)
);
CREATE INDEX inbound_seen_age ON contacts.inbound_seen USING brin (create_time);
SELECT mo.protect('contacts.inbound_seen');

-- Proof of every opt-in and opt-out, append-only. 16 chains per account, by contact: one chain would make all activations
-- of an account wait for each other. kind: 1 opt-in, 2 opt-out.
CREATE TABLE contacts.consent (
  account_id bigint NOT NULL,
  chain smallint NOT NULL,
  seq bigint NOT NULL,
  contact_id bigint NOT NULL,
  kind smallint NOT NULL,
  time timestamptz NOT NULL,
  -- The first message's number; 0 where it was no message.
  inbound_id bigint NOT NULL,
  -- "message", or who did it: "key:…", "svc:rules".
  how text NOT NULL,
  hash bytea NOT NULL,
  PRIMARY KEY (account_id, chain, seq)
);
CREATE INDEX consent_contact ON contacts.consent (account_id, contact_id);
SELECT mo.protect('contacts.consent');
REVOKE UPDATE, DELETE ON contacts.consent FROM mo_contacts, mo_contacts_system;

-- The end of each chain.
CREATE TABLE contacts.consent_heads (
  account_id bigint NOT NULL,
  chain smallint NOT NULL,
  seq bigint NOT NULL,
  hash bytea NOT NULL,
  PRIMARY KEY (account_id, chain)
) WITH (fillfactor = 20);
SELECT mo.protect('contacts.consent_heads');

-- SHA256(previous hash || "account|chain|seq|contact|kind|microseconds since 1970|inbound|how"); the first has no previous.
CREATE FUNCTION contacts.consent_hash(previous bytea, account bigint, chain bigint, seq bigint, contact bigint,
                                      kind bigint, at timestamptz, inbound bigint, how text) RETURNS bytea
LANGUAGE sql STABLE AS $$
  SELECT sha256(previous || convert_to(concat_ws('|', account, chain, seq, contact, kind,
    (extract(epoch FROM at) * 1000000)::bigint, inbound, how), 'UTF8'))
$$;

-- Enters an attempt for a contact that does not exist yet, and returns the number that it will have: that of the others
-- who ask for the same key. Fails on places_key while that place is being given up, and when the contact exists by now:
-- whoever ended an intention for the key just before this one has committed it then, which only a statement that begins
-- after the row was entered can see.
CREATE FUNCTION contacts.intend(account bigint, contact bigint, on_network int, shared_key text, by_address text,
                                by_phone text, at timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  entered bigint;
BEGIN
  INSERT INTO contacts.places AS p (account_id, contact_id, network, key, attempts, touch_time)
  VALUES (account, contact, on_network, shared_key, 1, at)
  ON CONFLICT (account_id, network, key) DO UPDATE SET attempts = p.attempts + 1,
    touch_time = greatest(p.touch_time, excluded.touch_time) WHERE NOT p.releasing
  RETURNING contact_id INTO entered;
  IF entered IS NULL OR EXISTS (SELECT FROM contacts.contacts c WHERE c.account_id = account AND c.network = on_network
                                AND c.address = by_address)
     OR EXISTS (SELECT FROM contacts.contacts c WHERE c.account_id = account AND c.network = on_network
                AND c.phone = by_phone) THEN
    RAISE unique_violation USING CONSTRAINT = 'places_key', MESSAGE = 'the place is being changed by others';
  END IF;
  RETURN entered;
END $$;

-- contacts_phone_prefix finds a phone as well.
DROP INDEX contacts.contacts_phone;

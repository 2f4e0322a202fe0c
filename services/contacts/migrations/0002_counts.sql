-- As one statement of the trigger's own, so that its plan is kept: an SQL function called from PL/pgSQL is parsed and
-- planned at every call, which took ten times as long as inserting the contact.
CREATE OR REPLACE FUNCTION contacts.count_contact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO contacts.counts AS c (account_id, shard, pending, active, stopped)
    VALUES (OLD.account_id, OLD.id % 16, -(OLD.state = 1)::int, -(OLD.state = 2)::int, -(OLD.state = 3)::int)
    ON CONFLICT (account_id, shard) DO UPDATE SET pending = c.pending + excluded.pending,
      active = c.active + excluded.active, stopped = c.stopped + excluded.stopped;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO contacts.counts AS c (account_id, shard, pending, active, stopped)
    VALUES (NEW.account_id, NEW.id % 16, (NEW.state = 1)::int, (NEW.state = 2)::int, (NEW.state = 3)::int)
    ON CONFLICT (account_id, shard) DO UPDATE SET pending = c.pending + excluded.pending,
      active = c.active + excluded.active, stopped = c.stopped + excluded.stopped;
  END IF;
  RETURN NULL;
END $$;
DROP FUNCTION contacts.count_change(bigint, bigint, smallint, bigint);

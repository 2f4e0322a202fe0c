-- What every service's schema needs; run before its migrations, under a lock; must bear running again.
CREATE SCHEMA IF NOT EXISTS mo;

-- The account that the transaction is confined to; NULL without one, so that nothing is seen.
CREATE OR REPLACE FUNCTION mo.account() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT NULLIF(current_setting('mo.account_id', true), '')::bigint $$;

-- Puts a table under row-level security: the service's role sees the account's rows, its system role all.
CREATE OR REPLACE FUNCTION mo.protect(target regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  service text := (SELECT nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = target);
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('DROP POLICY IF EXISTS tenant ON %s', target);
  EXECUTE format('DROP POLICY IF EXISTS system ON %s', target);
  EXECUTE format('CREATE POLICY tenant ON %s TO %I USING (account_id = mo.account()) WITH CHECK (account_id = mo.account())',
                 target, 'mo_' || service);
  EXECUTE format('CREATE POLICY system ON %s TO %I USING (true) WITH CHECK (true)', target, 'mo_' || service || '_system');
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I, %I', target, 'mo_' || service,
                 'mo_' || service || '_system');
END $$;

-- The tables that libs/storage and libs/events keep in each schema.
CREATE OR REPLACE FUNCTION mo.prepare_service(service text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', service);
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I, %I', service, 'mo_' || service, 'mo_' || service || '_system');
  EXECUTE format('GRANT USAGE ON SCHEMA mo TO %I, %I', 'mo_' || service, 'mo_' || service || '_system');
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT USAGE ON SEQUENCES TO %I, %I', service, 'mo_' || service,
                 'mo_' || service || '_system');
  EXECUTE format('CREATE TABLE IF NOT EXISTS %I.migrations (
    version text PRIMARY KEY,
    checksum text NOT NULL,
    apply_time timestamptz NOT NULL DEFAULT now())', service);

  -- Answers of writes that carried an idempotency key, kept 24 hours.
  EXECUTE format('CREATE TABLE IF NOT EXISTS %I.idempotency_keys (
    account_id bigint NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    answer bytea NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (account_id, key))', service);
  EXECUTE format('CREATE INDEX IF NOT EXISTS idempotency_keys_age ON %I.idempotency_keys (create_time)', service);
  PERFORM mo.protect(format('%I.idempotency_keys', service)::regclass);

  -- Events, inserted in the transaction that changes the data; id is their order (libs/events).
  EXECUTE format('CREATE TABLE IF NOT EXISTS %I.outbox (
    id bigserial PRIMARY KEY,
    partition smallint NOT NULL,
    account_id bigint NOT NULL,
    envelope bytea NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now())', service);
  EXECUTE format('CREATE INDEX IF NOT EXISTS outbox_partition ON %I.outbox (partition, id)', service);
  PERFORM mo.protect(format('%I.outbox', service)::regclass);

  -- How far each consumer of this service''s streams is known to have come; account_id 0: they serve all accounts.
  EXECUTE format('CREATE TABLE IF NOT EXISTS %I.event_consumers (
    account_id bigint NOT NULL DEFAULT 0,
    consumer text NOT NULL,
    partition smallint NOT NULL,
    id bigint NOT NULL,
    update_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, partition))', service);
  PERFORM mo.protect(format('%I.event_consumers', service)::regclass);

  -- How far this service has come in the streams of others; changes with the effects, in one transaction.
  EXECUTE format('CREATE TABLE IF NOT EXISTS %I.event_offsets (
    account_id bigint NOT NULL DEFAULT 0,
    consumer text NOT NULL,
    source text NOT NULL,
    partition smallint NOT NULL,
    id bigint NOT NULL,
    PRIMARY KEY (consumer, source, partition))', service);
  PERFORM mo.protect(format('%I.event_offsets', service)::regclass);

  -- Events that kept failing, parked so that their partition goes on; see tools/dead-events.
  EXECUTE format('CREATE TABLE IF NOT EXISTS %I.dead_events (
    account_id bigint NOT NULL,
    consumer text NOT NULL,
    source text NOT NULL,
    partition smallint NOT NULL,
    id bigint NOT NULL,
    envelope bytea NOT NULL,
    error text NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, source, partition, id))', service);
  -- type: of the payload. attempts: replays that failed, the last one with `error`. replay_time: since when its replay
  -- is asked for.
  EXECUTE format('ALTER TABLE %I.dead_events
    ADD COLUMN IF NOT EXISTS type text NOT NULL DEFAULT '''',
    ADD COLUMN IF NOT EXISTS attempts integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS replay_time timestamptz', service);
  EXECUTE format('CREATE INDEX IF NOT EXISTS dead_events_replays ON %I.dead_events (consumer, source, partition, id)
    WHERE replay_time IS NOT NULL', service);
  PERFORM mo.protect(format('%I.dead_events', service)::regclass);
END $$;

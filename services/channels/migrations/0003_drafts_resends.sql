-- A draft need not have a time yet.
ALTER TABLE channels.broadcasts ALTER COLUMN send_time DROP NOT NULL;
-- The etag; and the broadcast at whose failed recipients this one tries again, at most one each.
ALTER TABLE channels.broadcasts ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE channels.broadcasts ADD COLUMN resend_of bigint;
CREATE UNIQUE INDEX broadcasts_resend ON channels.broadcasts (account_id, resend_of) WHERE resend_of IS NOT NULL;
-- Of a resend: where in the list of failed deliveries the next page begins (sims' page token).
ALTER TABLE channels.expansions ADD COLUMN source_token text NOT NULL DEFAULT '';

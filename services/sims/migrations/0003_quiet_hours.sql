-- When a dispatch must not be sent (common.v1.ZonedQuietHours); NULL: it may be at any time.
ALTER TABLE sims.dispatches ADD COLUMN quiet_hours bytea;
-- Quiet hours hold until then: it is not loaded before. In no index, so that writing it moves no row.
ALTER TABLE sims.dispatch_states ADD COLUMN hold_until timestamptz;

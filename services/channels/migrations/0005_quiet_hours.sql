-- A broadcast's own quiet hours (common.v1.QuietHours; NULL: the account's), whether it heeds any, and those that hold for it
-- since it began (common.v1.ZonedQuietHours; NULL: none, or it has not begun).
ALTER TABLE channels.broadcasts ADD COLUMN quiet_hours bytea, ADD COLUMN ignore_quiet_hours boolean NOT NULL DEFAULT false,
  ADD COLUMN applied_quiet_hours bytea;

-- When broadcasts are not sent ("HH:MM"); both NULL: there are no quiet hours.
ALTER TABLE accounts.settings ADD COLUMN quiet_start text, ADD COLUMN quiet_end text;

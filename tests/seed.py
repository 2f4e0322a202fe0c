"""Contacts with a SIM and a subscription, a million in seconds: straight into the tables, as the services would have left
them. What the way there leaves behind and no broadcast reads is not made: registrations, consent, inbound messages, events."""

import time

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_EPOCH_MS = 1704067200000  # of ids (libs/runtime/ids.h)
_WHATSAPP = 1
_ACTIVE = 2
_SHARDS = 16


def number_of(text):
    """The number in an id: 1 of "con_0000000000001"; a number is its own."""
    if isinstance(text, int):
        return text
    number = 0
    for digit in text.partition("_")[2]:
        number = number * 32 + _DIGITS.index(digit)
    return number


def phones(first_number, count):
    """The addresses of seed() as the simulator's POST /phones makes them in bulk: {address, first, count}. The addresses
    begin with that `address`."""
    first, last = str(first_number), str(first_number + count - 1)
    # The counted part begins with a digit other than 0, for the simulator does not pad it.
    for cut in range(len(first) - 1, -1, -1):
        if len(first) == len(last) and first[:cut] == last[:cut] and first[cut] != "0":
            return {"address": "+" + first[:cut], "first": int(first[cut:]), "count": count}
    raise ValueError(f"{first_number} to {last} do not share a beginning")


def seed(psql, account_id, sims, contacts, channel_id, first_number, language="", name="Kim"):
    """Makes `contacts` active contacts of the account, evenly over `sims`, all subscribed to the channel. Their addresses are
    the WhatsApp numbers from "+<first_number>" on. psql(sql) runs statements as the superuser; ids are as in the API."""
    account, channel = number_of(account_id), number_of(channel_id)
    sims = [number_of(sim) for sim in sims]
    # One contact in every millisecond up to now, in the form of the services' ids.
    begin = int(time.time() * 1000) - contacts
    rows = f"""
        (SELECT (({begin - _EPOCH_MS}::bigint + i) << 22) + i * 2654435761 % 2097152 AS id,
                '+' || ({first_number}::bigint + i) AS address,
                (ARRAY{sims}::bigint[])[i % {len(sims)} + 1] AS sim_id,
                to_timestamp(({begin}::bigint + i) / 1000.0) AS time
         FROM generate_series(0::bigint, {contacts - 1}) AS i) AS c"""
    # replica: the trigger that counts contacts one by one is the slowest of all; counted below instead.
    psql(f"""
        SET LOCAL session_replication_role = replica;
        SET LOCAL synchronous_commit = off;
        INSERT INTO contacts.contacts (account_id, id, network, address, phone, display_name, language, state, sim_id,
            attributes, create_time, activate_time, last_inbound_time, version)
          SELECT {account}, id, {_WHATSAPP}, address, address, '{name}', '{language}', {_ACTIVE}, sim_id, '{{}}', time, time,
                 time, 1 FROM {rows};
        INSERT INTO contacts.counts AS n (account_id, shard, pending, active, stopped)
          SELECT {account}, id % {_SHARDS}, 0, count(*), 0 FROM {rows} GROUP BY 2
          ON CONFLICT (account_id, shard) DO UPDATE SET active = n.active + excluded.active;
        INSERT INTO sims.allocations (account_id, contact_id, sim_id, create_time)
          SELECT {account}, id, sim_id, time FROM {rows};
        UPDATE sims.sims s SET occupancy = occupancy + n.count
          FROM (SELECT sim_id, count(*) AS count FROM {rows} GROUP BY sim_id) n
          WHERE s.account_id = {account} AND s.id = n.sim_id;
        INSERT INTO channels.subscriptions (account_id, channel_id, contact_id, create_time)
          SELECT {account}, {channel}, id, time FROM {rows};
        INSERT INTO channels.subscriber_counts AS n (account_id, channel_id, shard, subscribers)
          SELECT {account}, {channel}, id % {_SHARDS}, count(*) FROM {rows} GROUP BY 3
          ON CONFLICT (account_id, channel_id, shard) DO UPDATE SET subscribers = n.subscribers + excluded.subscribers;
        """)
    # What autovacuum would have done by the time that anybody has so many contacts.
    for table in ("contacts.contacts", "sims.allocations", "channels.subscriptions"):
        psql(f"VACUUM (ANALYZE) {table}")

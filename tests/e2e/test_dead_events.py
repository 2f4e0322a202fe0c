"""tools/dead-events: what consumers have parked is shown, replayed by its service, or discarded."""

import pathlib
import subprocess

from harness.wait import wait_for

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools/dead-events"
# An event that has nothing to tell: field 1 of its envelope, the type, is "test.Nothing".
ENVELOPE = "0a0c" + b"test.Nothing".hex()


def test_dead_events(product):
    """The consumer "inbox" takes its replayed event, of a type it has nothing to do for, and the row goes."""
    database = product.database

    def tool(*arguments, check=True):
        return subprocess.run([TOOL, *arguments, "--database", f"{database.url} user=postgres"], capture_output=True, text=True,
                              check=check)

    def parked():
        return database.query("SELECT id FROM inbox.dead_events ORDER BY id").split()

    database.query(f"""INSERT INTO inbox.dead_events (account_id, consumer, source, partition, id, type, envelope, error)
        SELECT 1, 'inbox', 'sims', n % 8, n, 'test.Nothing', '\\x{ENVELOPE}', 'INTERNAL: secret of a customer'
        FROM generate_series(1, 5) AS n""")
    shown = tool("list").stdout
    assert "inbox.inbox/sims/3" in shown and "test.Nothing" in shown and "INTERNAL" in shown
    assert "secret" not in shown and "0a0c" not in shown
    assert "sims/4" not in tool("list", "inbox.inbox/sims/3").stdout
    assert tool("discard", "inbox.inbox/sims/3", "inbox.inbox/sims/4").returncode == 0
    assert parked() == ["1", "2", "5"]
    assert tool("replay", "inbox.inbox/sims/5").returncode == 0
    wait_for(lambda: parked() == ["1", "2"], "one event to be replayed")
    assert tool("replay", "inbox.inbox").returncode == 0
    wait_for(lambda: parked() == [], "all others to be replayed")
    for wrong in (["replay"], ["replay", "inbox.inbox/sims/3"], ["discard", "nobody.inbox"], ["discard", "inbox.inbox/'"], ["shred"]):
        refused = tool(*wrong, check=False)
        assert refused.returncode != 0 and "error: " in refused.stderr, wrong

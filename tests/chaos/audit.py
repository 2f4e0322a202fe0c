"""Has the product audit the ledgers of all broadcasts of a run, from the first row to the last."""

from harness.wait import wait_for

# Which processes audit, and what: as many rows as these tables have must they have passed.
AUDITED = {"sims": "sims.dispatches", "sims-2": "sims.dispatches", "channels": "channels.expansions"}
FINDING = "ledger audit found a difference"
DEADLINE = 120


def check_audits(deployment, step, note):
    """Nobody has found a difference, and processes that have just started, which check every row there is, find none."""
    # Who was started last may still be about to, or to end for want of something that was away.
    wait_for(lambda: step() or all(_counts(deployment, name) for name in AUDITED), "all who audit to answer", DEADLINE)
    found = _differences(deployment)
    deployment.terminate(*AUDITED)
    for name in AUDITED:
        deployment.start(name, flags=[f"--{name.partition('-')[0]}_audit_interval=20ms"])
    rows = {name: int(deployment.database.query(f"SELECT count(*) FROM {table}")) for name, table in AUDITED.items()}
    for name, count in rows.items():
        wait_for(lambda: _audited(deployment, name) >= count,
                 lambda: f"{name} to audit {count} rows: {_audited(deployment, name)}", DEADLINE)
    found += _differences(deployment)
    # Also of processes that were killed, whose counters are gone.
    found += [f"{path.stem}: {line}" for path in sorted(deployment.folder.glob("*.log"))
              for line in path.read_text(errors="replace").splitlines() if FINDING in line]
    assert not found, f"the audits found differences, {len(found)} times:\n" + "\n".join(found[:20])
    note("audited: " + ", ".join(f"{name} {count} rows" for name, count in rows.items()))


def _audited(deployment, name):
    """Rows that a process has passed since its start."""
    return sum(_counts(deployment, name, "mo_ledger_audited_total").values())


def _differences(deployment):
    return [f"{name} counts {value:.0f} of {labels}" for name in AUDITED
            for labels, value in _counts(deployment, name).items() if value]


def _counts(deployment, name, metric="mo_ledger_audit_differences_total"):
    """{labels: value}; empty while the process does not answer. Who audits exports every kind of difference from the start."""
    try:
        return {labels: value for (one, labels), value in deployment.metrics(name).items() if one == metric}
    except OSError:
        return {}

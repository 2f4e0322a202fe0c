"""Some seconds of chaos with every kind of fault at least once; the long one is tests/chaos/run."""

import itertools
import os

import pytest
from chaos import Chaos
from plan import ROUND, plan

SEED = int(os.environ.get("MO_TEST_SEED", 7))


def test_plan_is_its_seed():
    """One seed, one sequence; another seed, another; every kind comes in each round."""
    first = list(itertools.islice(plan(SEED), 200))
    assert first == list(itertools.islice(plan(SEED), 200))
    assert first != list(itertools.islice(plan(SEED + 1), 200))
    per_round = sum(ROUND.values())
    for begin in range(0, 200 - per_round, per_round):
        assert {fault.kind for fault in first[begin:begin + per_round]} == set(ROUND)


def test_chaos():
    """Slow enough for the faults to come into the middle: 5,000 messages take five seconds by themselves."""
    chaos = Chaos(SEED, recipients=5000, sims=10, rate=100, short=True)
    try:
        chaos.run(seconds=0)
        print(chaos.summary())
    except Exception as failure:
        pytest.fail(f"{type(failure).__name__}: {failure}\n{chaos.explain()}", pytrace=False)
    finally:
        chaos.close()

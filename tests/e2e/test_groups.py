"""A SIM joins a group by its link and leaves it, through whichever process the request comes."""

import pytest

from harness import newsroom
from harness.balancer import Balancer
from harness.rest import Problem
from harness.wait import wait_until_equal

ADDRESS = "+4930277801"
LINK = "https://chat.whatsapp.com/AbCdEf"
GROUP = "12036301@g.us"


@pytest.fixture
def front():
    """Balances between replicas: front({name: port}) → port."""
    made = []

    def make(replicas):
        made.append(Balancer(replicas))
        return made[-1].port

    yield make
    for balancer in made:
        balancer.close()


@pytest.mark.parametrize("mode, replicas", [("all", {}), ("separate", {"sims": 2})])
def test_a_group_is_joined_and_left(deploy, simulator, front, mode, replicas):
    deployment = deploy(mode, flags=["--rate_limit=0"], replicas=replicas, front=front)
    api = deployment.create_account("Groups")
    sim = newsroom.add_sim(deployment, api, simulator, ADDRESS, 10)
    simulator.post("/groups", {"network": "WHATSAPP", "id": GROUP, "name": "Büro", "invite_link": LINK})
    groups = lambda: [group["id"] for group in api.get(f"/v1/sims/{sim}/groups").get("groups", [])]
    members = lambda: [group["members"] for group in simulator.get("/groups")["groups"] if group["id"] == GROUP]

    # Of two processes one has no agent: each request may come to either.
    for _ in range(3):
        joined = api.post(f"/v1/sims/{sim}/groups:join", {"invite_link": LINK})
        assert joined["outcome"] == "JOIN_OUTCOME_JOINED"
        wait_until_equal(groups, [GROUP], "the group")
        assert members() == [[ADDRESS]]
        api.post(f"/v1/sims/{sim}/groups:leave", {"group_id": GROUP})
        assert groups() == []
        assert members() == [[]]
    with pytest.raises(Problem) as refused:
        api.post(f"/v1/sims/{sim}/groups:leave", {"group_id": GROUP})
    assert (refused.value.status, refused.value.reason) == (404, "GROUP_NOT_FOUND")

    simulator.detach(ADDRESS)
    wait_until_equal(lambda: api.get(f"/v1/sims/{sim}")["online"], False, "the agent to be gone")
    with pytest.raises(Problem) as refused:
        api.post(f"/v1/sims/{sim}/groups:join", {"invite_link": LINK})
    assert (refused.value.status, refused.value.reason) == (503, "AGENT_OFFLINE")

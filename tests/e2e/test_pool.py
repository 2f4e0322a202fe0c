"""The pool of SIMs as an operator sees it: settings, states with their reasons, lost numbers and where their contacts go."""

import pytest

from harness import newsroom
from harness.newsroom import text, wait_for_ledger
from harness.providers import WhatsAppCloud
from harness.rest import Problem
from harness.wait import wait_for, wait_until_equal

SECOND = "+4930277700"


def state(api, sim):
    return api.get(f"/v1/sims/{sim}")["state"].removeprefix("SIM_STATE_")


def history(api, sim):
    """Codes of what has happened, oldest first."""
    return [entry["code"] for entry in reversed(api.get(f"/v1/sims/{sim}/history")["entries"])]


def test_settings_are_kept_and_decide_who_gets_which_sim(product):
    api = product.create_account("Pool")
    assert api.get("/v1/pool-settings").get("strategies", []) == []
    older, newer = (api.post("/v1/sims", {"network": "NETWORK_SMS", "address": address, "capacity": 2})["id"]
                    for address in ("+4366411", "+4917122"))

    def register(phone):
        return api.post("/v1/registrations", {"network": "NETWORK_SMS", "phone": phone})["sim_address"]

    def choose(strategy):
        kept = api.call("PATCH", "/v1/pool-settings", {"strategies": [
            {"network": "NETWORK_SMS", "strategy": f"ALLOCATION_STRATEGY_{strategy}"}]})
        assert kept["strategies"][0]["strategy"].endswith(strategy)

    choose("NEWEST_LAST")
    assert [register(f"+43664200{n}") for n in range(3)] == ["+4366411", "+4366411", "+4917122"]
    choose("COUNTRY_PREFIX")
    third = api.post("/v1/sims", {"network": "NETWORK_SMS", "address": "+4366433", "capacity": 2})["id"]
    assert register("+4915712345") == "+4917122"
    assert register("+43664300") == "+4366433"
    with pytest.raises(Problem) as refused:
        api.call("PATCH", "/v1/pool-settings", {"strategies": [{"network": "NETWORK_SMS"}]})
    assert refused.value.fields == ["strategies[0].strategy"]
    assert len({older, newer, third}) == 3


def test_each_state_has_its_reason(product):
    api = product.create_account("States")
    sim = api.post("/v1/sims", {"network": "NETWORK_SMS", "address": "+4366499", "capacity": 2})["id"]
    api.post(f"/v1/sims/{sim}:pause", {})
    assert api.get(f"/v1/sims/{sim}")["state_reason"]["code"] == "OPERATOR"
    api.post(f"/v1/sims/{sim}:resume", {})
    api.post(f"/v1/sims/{sim}:drain", {})
    entries = api.get(f"/v1/sims/{sim}/history")["entries"]
    assert [entry["state"].removeprefix("SIM_STATE_") for entry in entries[:3]] == ["DRAINING", "ACTIVE", "PAUSED"]
    assert all(entry["actor"] for entry in entries[:3]), "who did it"


def test_contacts_of_a_blocked_number_get_another_one_and_are_told(product, simulator):
    api = product.create_account("Lost")
    lost = WhatsAppCloud(api, simulator, settings={"business_account_id": "77002"}, double={"business_id": "77002"})
    phone = lost.phone("Änne")
    phone.write(lost.address, "Hello")
    wait_until_equal(lambda: len(phone.texts), 1, "the welcome")
    contact = api.get("/v1/contacts")["contacts"][0]["id"]
    other = newsroom.add_sim(product, api, simulator, SECOND, 10)
    with pytest.raises(Problem) as refused:
        api.post(f"/v1/sims/{lost.id}:rehome", {})
    assert refused.value.reason == "SIM_ACTIVE"
    api.call("PATCH", "/v1/pool-settings", {"rehome_blocked": True,
                                            "rehome_notice": text("{{name|Guten Tag}}, ab jetzt {{sim.address}}")})

    lost.control("ban")
    wait_until_equal(lambda: state(api, lost.id), "BLOCKED", "the block")
    assert "BLOCKED" in history(api, lost.id)
    wait_until_equal(lambda: api.get(f"/v1/contacts/{contact}")["sim_id"], other, "the new number")
    wait_until_equal(lambda: phone.texts[1:], [f"Änne, ab jetzt {SECOND}"], "the notice")
    wait_for(lambda: api.get(f"/v1/sims/{lost.id}")["occupancy"] == "0", "the lost SIM to be empty")

    sent = api.post("/v1/broadcasts", {"content": text("News"), "audience": {"contacts": [contact]}})["id"]
    wait_for_ledger(api, sent, "the broadcast is read", read=1)
    assert phone.texts[2:] == ["News"]
    phone.assert_no_duplicates()

"""An account's own rules over REST, and their limits while their process is killed."""

import pytest

from harness import newsroom
from harness.newsroom import text
from harness.rest import Problem
from harness.wait import wait_for, wait_until_equal

SIM, PHONE = "+49308801", "+491708800001"
GROUP, LINK = "12036388@g.us", "https://chat.whatsapp.com/Rules"
ONCE = {"count": 1, "period": "LIMIT_PERIOD_EVER", "scope": "LIMIT_SCOPE_CONTACT"}


def rule(name, answer, **fields):
    return {"display_name": name, "trigger": "RULE_TRIGGER_ALWAYS", "actions": [{"answer": text(answer)}], **fields}


def shop(deployment, simulator):
    """An account whose SIM a phone has written to; the product itself says nothing."""
    api = deployment.create_account("Shop")
    api.call("PUT", "/v1/standard-answers/en", {"welcome_text": ""})
    newsroom.add_sim(deployment, api, simulator, SIM, 10)
    return api, simulator.phone(PHONE, "Änne")


def test_a_rule_answers_and_says_why(product, simulator):
    api, phone = shop(product, simulator)
    price = api.post("/v1/rules", rule("price", "{{name|Hallo}}: „{{message}}“ kostet nichts", trigger="RULE_TRIGGER_DEFINE",
                                       match_type="MATCH_TYPE_REGEXP", patterns=[r"\bpreise?\b"], limit=ONCE))
    rest = api.post("/v1/rules", rule("rest", "Wir melden uns", trigger="RULE_TRIGGER_REST"))
    for words, answers in [("Der Preis?", 1), ("Hallo", 2), ("PREISE", 2)]:
        phone.write(SIM, words)
        wait_until_equal(lambda: len(phone.texts), answers, words)
    assert phone.texts == ["Änne: „Der Preis?“ kostet nichts", "Wir melden uns"]
    kept = wait_for(lambda: len(e := api.get("/v1/evaluations")["evaluations"]) == 3 and e, "evaluations")
    assert [[(r["rule_id"], r["verdict"]) for r in one["rules"]] for one in kept] == [
        [(price["id"], "VERDICT_LIMIT")], [(rest["id"], "VERDICT_FIRED")], [(price["id"], "VERDICT_FIRED")]]
    # Tried, changed, tried again: at once.
    tried = api.post("/v1/rules:test", {"text": "preis"})
    assert [r["verdict"] for r in tried["rules"]] == ["VERDICT_FIRED", "VERDICT_NO_MATCH"]
    api.call("PATCH", f"/v1/rules/{price['id']}", {"state": "RULE_STATE_DISABLED"})
    tried = api.post("/v1/rules:test", {"text": "preis"})
    assert [r["verdict"] for r in tried["rules"]] == ["VERDICT_DISABLED", "VERDICT_FIRED"]
    assert [one["content"]["text"]["body"] for one in tried["actions"]] == ["Wir melden uns"]


def test_what_re2_cannot_take_is_refused(product, simulator):
    api, _ = shop(product, simulator)
    with pytest.raises(Problem) as refused:
        api.post("/v1/rules", rule("ahead", "x", trigger="RULE_TRIGGER_DEFINE", match_type="MATCH_TYPE_REGEXP",
                                   patterns=[r"order(?=\d)"]))
    problem = refused.value.answer.problem()
    assert refused.value.answer.status == 400
    assert [(one["field"], one["reason"]) for one in problem["errors"]] == [("patterns[0]", "BAD_REGEXP")]
    assert "at character 6" in problem["errors"][0]["detail"] and "look-ahead" in problem["errors"][0]["detail"]
    assert api.get("/v1/rules")["rules"] == []


def test_a_draft_is_replayed_over_what_was_written(product, simulator):
    """Among the rules there are, with their limits and channels; nothing is sent, counted or kept."""
    api, phone = shop(product, simulator)
    club = api.post("/v1/channels", {"display_name": "Club", "keyword": "CLUB"})
    api.post("/v1/rules", rule("price", "gratis", trigger="RULE_TRIGGER_DEFINE", match_type="MATCH_TYPE_CONTAINS",
                               patterns=["preis"], stop_here=True))
    said = ["Hallo", "Der Preis?", "Hallo?", "CLUB", "STOP"]
    for i, words in enumerate(said, 1):
        phone.write(SIM, words)
        wait_until_equal(lambda: len(api.get("/v1/evaluations")["evaluations"]), i, words)
    wait_until_equal(lambda: phone.texts, ["gratis"], "the rule's answer")
    draft = rule("draft", "{{name}}: {{message}}", limit={**ONCE, "count": 2})
    replayed = api.post("/v1/rules:replay", {"rule": draft, "page_size": 3})
    verdicts = [one["verdict"] for one in replayed["messages"]]
    assert verdicts == ["VERDICT_FIRED", "VERDICT_STOPPED", "VERDICT_FIRED"]
    assert replayed["messages"][2]["actions"][0]["content"]["text"]["body"] == "Änne: Hallo?"
    assert int(replayed["totals"]["messages"]) == 5 and int(replayed["totals"]["fired"]) == 2
    rest = api.post("/v1/rules:replay", {"rule": draft, "page_size": 3, "page_token": replayed["next_page_token"]})
    assert [one["verdict"] for one in rest["messages"]] == ["VERDICT_LIMIT", "VERDICT_NOT_ASKED"]
    assert rest["totals"] == replayed["totals"] and not rest.get("next_page_token")
    members = api.post("/v1/rules:replay", {"rule": {**draft, "channel_ids": [club["id"]]}, "fired_only": True})
    assert members["messages"] == [] and int(members["totals"]["fired"]) == 0  # who has opted out is in no channel
    assert len(api.get("/v1/rules")["rules"]) == 1 and phone.texts == ["gratis"]
    with pytest.raises(Problem) as refused:
        api.post("/v1/rules:replay", {"rule": draft, "start_time": "2026-01-01T00:00:00Z"})
    assert [one["field"] for one in refused.value.answer.problem()["errors"]] == ["start_time"]


def test_rules_are_for_subscribers_and_for_groups(product, simulator):
    api, phone = shop(product, simulator)
    club = api.post("/v1/channels", {"display_name": "Club", "keyword": "CLUB"})
    member = api.post("/v1/rules", rule("member", "dear member", channel_ids=[club["id"]]))
    with pytest.raises(Problem) as refused:
        api.post("/v1/rules", rule("all", "x", also_for_groups=True))
    assert [one["field"] for one in refused.value.answer.problem()["errors"]] == ["actions[0].answer"]
    everywhere = api.post("/v1/rules", {**rule("all", "x", also_for_groups=True), "actions": [{"do_nothing": {}}]})
    for i, words in enumerate(["Hallo", "CLUB", "Hallo?"], 1):
        phone.write(SIM, words)
        wait_until_equal(lambda: len(api.get("/v1/evaluations")["evaluations"]), i, words)
    wait_until_equal(lambda: phone.texts, ["dear member"], "the answer")
    simulator.post("/groups", {"network": "WHATSAPP", "id": GROUP, "name": "Us", "invite_link": LINK})
    sim = api.get("/v1/sims")["sims"][0]["id"]
    api.post(f"/v1/sims/{sim}/groups:join", {"invite_link": LINK})
    simulator.post(f"/phones/WHATSAPP/{PHONE.replace('+', '%2B')}:write", {"to": SIM, "group": GROUP, "text": "STOP"})
    kept = wait_for(lambda: len(e := api.get("/v1/evaluations")["evaluations"]) == 4 and e, "evaluations")
    assert kept[0]["group_id"] == GROUP and not kept[0].get("contact_id")
    assert [(r["rule_id"], r["verdict"]) for r in kept[0]["rules"]] == [(everywhere["id"], "VERDICT_FIRED")]
    assert [(r["rule_id"], r["verdict"]) for r in kept[3]["rules"]] == [
        (member["id"], "VERDICT_CHANNEL"), (everywhere["id"], "VERDICT_FIRED")]
    assert [one["state"] for one in api.get("/v1/contacts")["contacts"]] == ["CONTACT_STATE_ACTIVE"]
    assert phone.texts == ["dear member"]


def test_stop_words_are_set_by_language(product, simulator):
    api, _ = shop(product, simulator)
    tried = lambda words: api.post("/v1/rules:test", {"text": words})["recognition"]
    api.call("PUT", "/v1/stop-words", {"added": ["basta ya"], "languages": [
        {"language": "de", "added": ["Schluss"], "removed": ["ende"]}]})
    assert [tried(words) for words in ("Schluss!", "Ende", "basta ya")] == [
        "RECOGNITION_STOP", "RECOGNITION_NONE", "RECOGNITION_STOP"]
    api.call("PUT", "/v1/stop-words", {"added": []})
    german = next(one for one in api.get("/v1/stop-words")["languages"] if one["language"] == "de")
    assert german["added"] == ["Schluss"] and german["in_use"] and "ende" in german["standard"]
    api.call("PATCH", "/v1/settings", {"stop_languages": ["en"]})
    wait_until_equal(lambda: tried("Schluss!"), "RECOGNITION_NONE", "German is no longer in use")
    assert tried("stop") == "RECOGNITION_STOP"


def test_a_limit_holds_while_the_process_is_killed(deploy, simulator):
    """Fifty messages at once, two rules that answer once and twice, and a process that dies among them."""
    deployment = deploy("separate")
    api, phone = shop(deployment, simulator)
    api.post("/v1/rules", rule("once", "once", limit=ONCE))
    api.post("/v1/rules", rule("twice", "twice", limit={**ONCE, "count": 2, "scope": "LIMIT_SCOPE_ACCOUNT"}))
    for i in range(50):
        phone.write(SIM, f"message {i}")
        if i % 10 == 5:
            deployment.kill("rules")
            deployment.start("rules")
    deployment.wait_ready()
    wait_until_equal(lambda: len(api.all("/v1/evaluations", "evaluations")), 50, "every message is decided", deadline=90)
    wait_until_equal(lambda: sorted(phone.texts), ["once", "twice", "twice"], "the answers")
    verdicts = [r["verdict"] for one in api.all("/v1/evaluations", "evaluations") for r in one["rules"]]
    assert verdicts.count("VERDICT_FIRED") == 3 and verdicts.count("VERDICT_LIMIT") == 97
    phone.assert_no_duplicates()

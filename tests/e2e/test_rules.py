"""An account's own rules over REST, and their limits while their process is killed."""

import pytest

from harness import newsroom
from harness.newsroom import text
from harness.rest import Problem
from harness.wait import wait_for, wait_until_equal

SIM, PHONE = "+49308801", "+491708800001"
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

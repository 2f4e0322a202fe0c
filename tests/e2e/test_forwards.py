"""What goes to other systems over REST: forwards of rules and webhooks, while processes are killed."""

import collections
import contextlib

from harness import newsroom
from harness.endpoint import Endpoint, signature
from harness.newsroom import text
from harness.wait import wait_for, wait_until_equal

SIM, PHONE = "+49308901", "+491708900001"


@contextlib.contextmanager
def endpoint(answer=None):
    one = Endpoint(answer)
    try:
        yield one
    finally:
        one.close()


def desk(deployment, simulator):
    """An account whose SIM is attached; the product itself says nothing."""
    api = deployment.create_account("Desk")
    api.call("PUT", "/v1/standard-answers/en", {"welcome_text": ""})
    newsroom.add_sim(deployment, api, simulator, SIM, 1000)
    return api


def add_rule(api, *actions, **fields):
    return api.post("/v1/rules", {"display_name": "Forward", "trigger": "RULE_TRIGGER_ALWAYS", "actions": list(actions),
                                  **fields})["id"]


def test_a_bot_answers_and_an_endpoint_is_told(product, simulator):
    api = desk(product, simulator)
    phone = simulator.phone(PHONE, "Änne")

    def bot(path, headers, data):
        return 200, {"Content-Type": "application/json"}, b'{"text": "42"}'

    with endpoint(bot) as answering, endpoint() as told:
        secret = api.post("/v1/forwards:rotateSecret")["secret"]
        rule = add_rule(api, {"bot": {"url": answering.url + "/bot"}},
                        {"http": {"url": told.url + "/in?who={{contact.name}}", "headers": [{"name": "X-From", "value": "{{contact.phone}}"}]}})
        phone.write(SIM, "How much?")
        wait_until_equal(lambda: phone.texts, ["42"], "the bot's answer")
        path, headers, data, body = wait_for(lambda: told.posts, "the forward")[0]
        assert path == "/in?who=%C3%84nne" and headers["X-From"] == PHONE
        assert data["type"] == "message.received" and data["rule_id"] == rule
        assert data["data"]["message"]["content"]["text"]["body"] == "How much?"
        assert headers["webhook-signature"] == signature(secret, headers, body)
        forwards = wait_for(lambda: len(api.get("/v1/forwards", state="FORWARD_STATE_DELIVERED")["forwards"]) == 2 and
                            api.get("/v1/forwards")["forwards"], "both delivered")
        assert {one["kind"] for one in forwards} == {"FORWARD_KIND_BOT", "FORWARD_KIND_HTTP"}
        assert api.get(f"/v1/forwards/{data['id']}")["attempts"][0]["code"] == 200


def test_a_webhook_hears_what_happens(product, simulator):
    api = desk(product, simulator)
    with endpoint() as heard:
        created = api.post("/v1/webhooks", {"url": heard.url + "/hook", "event_types": ["message.*", "contact.*"]})
        hook = created["webhook"]["id"]
        phone = simulator.phone(PHONE, "Änne")
        phone.write(SIM, "Hello")
        wait_for(lambda: {"message.received", "contact.activated"} <= {data["type"] for _, _, data, _ in heard.posts}, "events")
        contact = api.get("/v1/contacts")["contacts"][0]["id"]
        message = api.post("/v1/messages", {"contact_id": contact, "content": text("Hi")})["id"]
        wait_for(lambda: any(data["type"] == "message.state_changed" and
                             data["data"]["message"]["state"] == "DELIVERY_STATE_READ" for _, _, data, _ in heard.posts), "read")
        for _, headers, data, body in heard.posts:
            assert headers["webhook-signature"] == signature(created["secret"], headers, body)
            assert headers["webhook-sequence"] == str(data["sequence"])
        assert message in {data["data"]["message"]["id"] for _, _, data, _ in heard.posts if "message" in data["data"]}
        count = len(heard.posts)
        assert sorted(data["sequence"] for _, _, data, _ in heard.posts) == list(range(1, count + 1))
        wait_for(lambda: all(one["state"] == "FORWARD_STATE_DELIVERED"
                             for one in api.get(f"/v1/webhooks/{hook}/deliveries")["deliveries"]), "all noted")
        assert api.post(f"/v1/webhooks/{hook}:replay", {"from_sequence": "1"})["count"] == str(count)
        wait_until_equal(lambda: len(heard.posts), 2 * count, "the replay")
        assert {(h["webhook-id"], d["sequence"]) for _, h, d, _ in heard.posts[:count]} == {
            (h["webhook-id"], d["sequence"]) for _, h, d, _ in heard.posts[count:]}


def test_no_forward_is_lost_whatever_is_killed(deploy, simulator):
    """5,000 forwards and 2,500 deliveries, some refused at first, while every process dies once: each arrives, under one id."""
    deployment = deploy("separate")
    api = desk(deployment, simulator)
    refused = set()

    def busy_at_first(path, headers, data):
        if int(data["id"][-1], 36) == 7 and data["id"] not in refused:
            refused.add(data["id"])
            return 503, {}, b"later"
        return 200, {}, b""

    with endpoint(busy_at_first) as heard:
        add_rule(api, {"http": {"url": heard.url + "/a"}}, {"http": {"url": heard.url + "/b"}})
        hook = api.post("/v1/webhooks", {"url": heard.url + "/hook", "event_types": ["message.received"]})["webhook"]["id"]
        phones = [simulator.phone(f"+4917089{number:05}", f"Phone {number}") for number in range(1, 51)]
        victims = iter(("rules", "inbox", "sims", "contacts", "rules", "channels", "accounts", "rules"))
        for i in range(50):
            for phone in phones:
                phone.write(SIM, f"message {i}")
            if i % 6 == 3:
                victim = next(victims)
                deployment.kill(victim)
                deployment.start(victim)
        deployment.wait_ready()

        def arrived():
            by_path = collections.defaultdict(set)
            for path, headers, data, _ in list(heard.posts):
                by_path[path].add((headers["webhook-id"], data["data"]["message"]["id"]))
            return {path: (len(pairs), len({one for one, _ in pairs}), len({message for _, message in pairs}))
                    for path, pairs in by_path.items()}

        whole = (2500, 2500, 2500)  # as many pairs as ids as messages: nothing lost, nothing under two ids
        wait_until_equal(arrived, {"/a": whole, "/b": whole, "/hook": whole}, "everything to arrive", deadline=240)
        assert {data["sequence"] for path, _, data, _ in heard.posts if path == "/hook"} == set(range(1, 2501))
        wait_until_equal(lambda: len(api.all("/v1/forwards", "forwards", state="FORWARD_STATE_PENDING")), 0, "nothing left to send",
                         deadline=240)
        assert api.get("/v1/forwards", state="FORWARD_STATE_DEAD")["forwards"] == []
        assert api.get(f"/v1/webhooks/{hook}")["last_sequence"] == "2500"

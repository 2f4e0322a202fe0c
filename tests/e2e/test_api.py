"""What the public API promises of every route: idempotency, etags, pages, limits, errors of HTTP."""

import http.client
import time

import pytest

from harness import newsroom
from harness.newsroom import text
from harness.rest import Client, Problem
from harness.wait import wait_for


@pytest.fixture(scope="module")
def api(product):
    return product.create_account("API")


def refusal(call):
    with pytest.raises(Problem) as refused:
        call()
    return refused.value


def test_idempotency_key(api):
    key = {"Idempotency-Key": "once-1"}
    body = {"display_name": "Once", "keyword": "ONCE"}
    first = api.post("/v1/channels", body, key)
    assert api.post("/v1/channels", body, key) == first, "the same key and request: the same answer"
    other = refusal(lambda: api.post("/v1/channels", {"display_name": "Twice"}, key))
    assert (other.status, other.reason) == (409, "IDEMPOTENCY_KEY_REUSED"), other
    named = [channel for channel in api.all("/v1/channels", "channels") if channel["keyword"] == "ONCE"]
    assert len(named) == 1
    # A failed request keeps nothing: the same key may be tried again.
    retried = {"Idempotency-Key": "once-2"}
    assert refusal(lambda: api.post("/v1/channels", {"display_name": "Again", "keyword": "ONCE"}, retried)).reason == "KEYWORD_TAKEN"
    api.delete(f"/v1/channels/{first['id']}")
    assert api.post("/v1/channels", {"display_name": "Again", "keyword": "ONCE"}, retried)["keyword"] == "ONCE"
    for bad in ("", "x" * 256):
        answer = api.ask("POST", "/v1/channels", body, {"Idempotency-Key": bad})
        assert answer.status == 400 and answer.problem()["errors"][0]["field"] == "Idempotency-Key", answer


def test_idempotency_key_of_another_account(product, api):
    """Keys are an account's own."""
    other = product.create_account("Same keys")
    key = {"Idempotency-Key": "shared"}
    link = {"target_url": "https://example.org/"}
    assert api.post("/v1/links", link, key)["id"] != other.post("/v1/links", link, key)["id"]


def test_etag(api):
    sim = api.post("/v1/sims", {"network": "NETWORK_WHATSAPP", "address": "+49304000", "capacity": 1})
    channel = api.post("/v1/channels", {"display_name": "Etag"})
    contact = api.get(f"/v1/contacts/{newsroom.register(api, '+491704000001')['contact_id']}")
    changes = ((f"/v1/sims/{sim['id']}", sim["etag"], {"display_name": "A"}),
               (f"/v1/channels/{channel['id']}", channel["etag"], {"display_name": "A"}),
               (f"/v1/contacts/{contact['id']}", contact["etag"], {"display_name": "A"}),
               ("/v1/settings", api.get("/v1/settings")["etag"], {"time_zone": "Europe/Vienna"}))
    for path, etag, change in changes:
        changed = api.patch(path, {**change, "etag": etag})
        assert changed["etag"] != etag and change.items() <= changed.items()
        stale = refusal(lambda: api.patch(path, {**change, "etag": etag}))
        assert (stale.status, stale.reason) == (412, "ETAG_MISMATCH"), stale
        assert api.get(path) == changed, "a refused change changes nothing"
        # A mask with a field that is not set empties it; others stay.
        assert api.patch(path, change)["etag"] != changed["etag"]
        unknown = refusal(lambda: api.patch(path, change, update_mask="no_such_field"))
        assert unknown.status == 400 and unknown.fields == ["update_mask"], unknown


def fill_lists(api):
    """Seven of everything that can be listed; path → (field, what names an item)."""
    sims = [api.post("/v1/sims", {"network": "NETWORK_SMS", "address": f"+4930500{n}", "capacity": 7})["id"] for n in range(7)]
    channels = [api.post("/v1/channels", {"display_name": f"C{n}"})["id"] for n in range(7)]
    for n in range(7):
        contact = api.post("/v1/registrations", {"network": "NETWORK_SMS", "phone": f"+49170500000{n}"})["contact_id"]
        api.post(f"/v1/channels/{channels[0]}/subscriptions", {"contact_id": contact})
        api.post("/v1/links", {"target_url": f"https://example.org/{n}"})
        api.post("/v1/api-keys", {"display_name": f"K{n}", "scopes": ["links:read"]})
        api.post("/v1/broadcasts", {"content": text("Hi"), "audience": {"channels": [channels[0]]}, "send_time": later(30)})
    return {"/v1/sims": ("sims", "id", 7), "/v1/channels": ("channels", "id", 7), "/v1/contacts": ("contacts", "id", 7),
            "/v1/links": ("links", "id", 7), "/v1/api-keys": ("api_keys", "id", 8), "/v1/broadcasts": ("broadcasts", "id", 7),
            f"/v1/channels/{channels[0]}/subscriptions": ("subscriptions", "contact_id", 7),
            f"/v1/sims/{sims[0]}/groups": ("groups", "id", 0), "/v1/conversations": ("conversations", "id", 0),
            "/v1/evaluations": ("evaluations", "message_id", 0)}


def later(days):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + days * 86400))


def test_paging(product):
    api = product.create_account("Paging")
    for path, (field, name, count) in fill_lists(api).items():
        whole = [item[name] for item in api.all(path, field)]
        assert len(whole) == len(set(whole)) == count, path
        for size in (1, 3, 7, 1000):
            pages, token = [], ""
            while True:
                page = api.get(path, page_size=size, **({"page_token": token} if token else {}))
                assert len(page[field]) <= size
                pages += [item[name] for item in page[field]]
                token = page["next_page_token"]
                if not token:
                    break
                assert len(page[field]) == size, f"{path}: a short page that is not the last"
            assert pages == whole, f"{path} by {size}"


def test_paging_is_stable_under_writes(product):
    """What is added between two pages neither repeats nor hides an item."""
    api = product.create_account("Stable")
    old = [api.post("/v1/links", {"target_url": f"https://example.org/{n}"})["id"] for n in range(6)]
    first = api.get("/v1/links", page_size=3)
    api.post("/v1/links", {"target_url": "https://example.org/new"})
    api.delete(f"/v1/links/{old[0]}")
    second = api.get("/v1/links", page_size=3, page_token=first["next_page_token"])
    seen = [link["id"] for link in first["links"] + second["links"]]
    assert seen == [one for one in reversed(old) if one != old[0]] + []


def test_rate_limit(deploy):
    deployment = deploy("all", flags=["--rate_limit=20"])
    api = deployment.create_account("Hasty")
    answer = api.ask("GET", "/v1/account")
    assert answer.headers["RateLimit-Limit"] == "20" and int(answer.headers["RateLimit-Remaining"]) <= 20
    assert answer.headers["RateLimit-Reset"]
    answers = [api.ask("GET", "/v1/account") for _ in range(100)]
    limited = [answer for answer in answers if answer.status == 429]
    assert limited and {answer.status for answer in answers} == {200, 429}
    assert limited[0].problem()["reason"] == "RATE_LIMITED" and int(limited[0].headers["Retry-After"]) >= 1
    # Another account's key is none the worse for it, and after a while it goes on.
    assert deployment.create_account("Calm").ask("GET", "/v1/account").status == 200
    wait_for(lambda: api.ask("GET", "/v1/account").status == 200, "the limit to pass", 5)


def test_errors_of_http(api):
    missing = api.ask("GET", "/v1/no-such-thing")
    assert missing.status == 404 and missing.problem()["reason"] == "NO_SUCH_PATH" and missing.headers["X-Request-Id"]
    wrong = api.ask("PUT", "/v1/channels", {})
    assert wrong.status == 405 and wrong.problem()["reason"] == "METHOD_NOT_ALLOWED"
    assert {"GET", "POST"} <= set(wrong.headers["Allow"].split(", "))
    assert api.ask("POST", "/v1/openapi.json", {}).status == 405
    assert api.ask("POST", "/v1/events", {}).status == 405
    typed = api.ask("POST", "/v1/channels", b"<channel/>", {"Content-Type": "application/xml"})
    assert typed.status == 415, typed
    typed.problem()


def test_head(api):
    for path in ("/v1/openapi.json", "/docs", "/healthz", "/readyz"):
        get, head = api.ask("GET", path), api.ask("HEAD", path)
        assert (head.status, head.body) == (200, b""), path
        assert head.headers["Content-Length"] == str(len(get.body)), path
    answer = api.ask("HEAD", "/v1/account")
    assert answer.status in (200, 405) and answer.body == b"", answer


def test_body_too_large(api):
    """Refused by its declared length and, chunked, as soon as it is too long."""
    large = b'{"display_name": "' + b"x" * (1 << 20) + b'"}'
    answer = Client(api.url, api.key).ask("POST", "/v1/channels", large)
    assert answer.status == 413, answer
    answer.problem()
    connection = http.client.HTTPConnection(api.url.removeprefix("http://"), timeout=30)
    try:
        connection.request("POST", "/v1/channels", iter([large]), {"Authorization": f"Bearer {api.key}"}, encode_chunked=True)
        response = connection.getresponse()
        assert response.status == 413
    finally:
        connection.close()
    # Media may be larger.
    media = Client(api.url, api.key).ask("POST", "/v1/media", b'{"data": "' + b"A" * (2 << 20) + b'"}')
    assert media.status == 415 and media.problem()["reason"] == "MEDIA_TYPE_UNKNOWN", media


def test_request_id(api):
    given = api.ask("GET", "/v1/account", None, {"X-Request-Id": "my-request.1"})
    assert given.headers["X-Request-Id"] == "my-request.1"
    made = [api.ask("GET", "/v1/account").headers["X-Request-Id"] for _ in range(2)]
    assert made[0] != made[1] and all(one.startswith("req_") for one in made)
    bad = api.ask("GET", "/v1/channels/x", None, {"X-Request-Id": "my-request.2"})
    assert bad.problem()["request_id"] == bad.headers["X-Request-Id"] == "my-request.2"
    for unfit in ("x" * 65, "a b", "<script>"):
        assert api.ask("GET", "/v1/account", None, {"X-Request-Id": unfit}).headers["X-Request-Id"] != unfit


def test_revoked_key(product, api):
    created = api.post("/v1/api-keys", {"display_name": "Short-lived", "scopes": ["links:read"]})
    client = product.client(created["secret"])
    assert client.ask("GET", "/v1/links").status == 200
    api.delete(f"/v1/api-keys/{created['api_key']['id']}")
    wait_for(lambda: client.ask("GET", "/v1/links").status == 401, "the key to be refused", 6)

"""Files that people send, and what they tell their network of us: from the providers' doubles to the inbox."""

import base64

import pytest

from harness.deployment import Deployment
from harness.newsroom import contact_state
from harness.providers import Messenger, Telegram, WhatsAppCloud
from harness.wait import wait_for, wait_until_equal

PICTURE = bytes(range(256)) * 300
TOO_LARGE = 10_000_001


@pytest.fixture(scope="module", params=["all", "separate"])
def deployment(request, postgres):
    made = Deployment(request.param, postgres, flags=["--rate_limit=0"])
    yield made
    made.close()


def polling(api, simulator):
    return Telegram(api, simulator, {"polling": True})


def inbound(api):
    """The content of what came in, the oldest first."""
    talks = api.all("/v1/conversations", "conversations")
    messages = [message for talk in talks for message in api.all(f"/v1/conversations/{talk['id']}/timeline", "messages")]
    return [message["content"] for message in reversed(messages) if message["direction"] == "DIRECTION_INBOUND"]


@pytest.mark.parametrize("kind", [WhatsAppCloud, Telegram, polling, Messenger])
def test_a_picture_reaches_the_agents_whole(deployment, simulator, kind):
    api = deployment.create_account("files")
    sim = kind(api, simulator)
    phone = sim.phone("Anna")
    phone.send(sim.address, kind="IMAGE", data=base64.b64encode(PICTURE).decode(), mime_type="image/webp", filename="a.webp")
    wait_until_equal(lambda: len(inbound(api)), 1, "the picture in the inbox")
    media = inbound(api)[0]["media"]
    assert media["kind"] == "MEDIA_KIND_IMAGE"
    assert int(media["size_bytes"]) == len(PICTURE)
    answer = api.ask("GET", f"/v1/media/{media['media_id']}/content")
    assert (answer.status, answer.body) == (200, PICTURE)
    # Somebody else's account has no such file.
    assert deployment.create_account("others").ask("GET", f"/v1/media/{media['media_id']}/content").status == 404


def test_a_file_that_is_too_large_is_left_out_of_its_message(deployment, simulator):
    api = deployment.create_account("large")
    sim = WhatsAppCloud(api, simulator)
    phone = sim.phone("Anna")
    phone.send(sim.address, kind="IMAGE", url="https://x.test/a", size_bytes=TOO_LARGE)
    phone.write(sim.address, "Da!")
    wait_until_equal(lambda: len(inbound(api)), 2, "both messages")
    media = next(content["media"] for content in inbound(api) if "media" in content)
    assert media["problem"] == "MEDIA_PROBLEM_TOO_LARGE"
    assert not media.get("media_id")


def test_who_blocks_a_bot_is_stopped_until_it_is_unblocked(deployment, simulator):
    api = deployment.create_account("blocked")
    bot = Telegram(api, simulator)
    phone = bot.phone("Anna")
    phone.write(bot.address, "Hallo")
    contact = wait_for(lambda: api.all("/v1/conversations", "conversations"), "the conversation")[0]["contact_id"]
    wait_until_equal(lambda: contact_state(api, contact), "ACTIVE", "the contact")
    phone.do("block", sim=bot.address)
    wait_until_equal(lambda: contact_state(api, contact), "STOPPED", "the stop")
    phone.do("unblock", sim=bot.address)
    wait_until_equal(lambda: contact_state(api, contact), "ACTIVE", "the return")

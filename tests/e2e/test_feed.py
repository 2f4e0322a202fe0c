"""The live feed (/v1/events) over restarts."""

import pytest

from harness.sse import EventStream


@pytest.mark.parametrize("mode", ["all", "separate"])
def test_feed_resumes_after_restart(deploy, mode):
    """Last-Event-ID: nothing between the last event before and the first after a restart is missed or told twice."""
    deployment = deploy(mode)
    api = deployment.create_account("Feed")
    listener = EventStream(api)
    api.post("/v1/channels", {"display_name": "C0"})
    first = listener.wait(lambda event: event.kind == "channel.changed", "the first channel")
    listener.close()
    # Nobody listens now.
    for number in range(5):
        api.post("/v1/channels", {"display_name": f"D{number}"})
    deployment.kill()
    deployment.start_all()
    for number in range(5):
        api.post("/v1/channels", {"display_name": f"E{number}"})
    last = api.post("/v1/channels", {"display_name": "last"})["id"]
    resumed = EventStream(api, last_event_id=first.id)
    resumed.wait(lambda event: event.data.get("channel_id") == last, "the last channel")
    told = [event.data["channel_id"] for event in resumed.events]
    created = [channel["id"] for channel in reversed(api.all("/v1/channels", "channels"))][1:]
    assert told == created and [event.id for event in resumed.events] == list(range(first.id + 1, first.id + 12))
    # Stopped and started again while connected: the listener goes on by itself.
    deployment.terminate()
    deployment.start_all()
    after = api.post("/v1/channels", {"display_name": "after"})["id"]
    resumed.wait(lambda event: event.data.get("channel_id") == after, "the channel after the restart")
    resumed.assert_gapless()
    resumed.close()


def test_feed_tells_of_a_gap(product):
    """An id that never was: the stream says that events are missing instead of guessing."""
    listener = EventStream(product.create_account("Gap"), last_event_id=999_999_999)
    listener.wait(lambda event: event.kind == "gap", "the gap")
    listener.close()

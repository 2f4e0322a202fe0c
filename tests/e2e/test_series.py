"""Series of broadcasts: the day of a user over REST, and an occurrence through kills."""

import datetime
import re
import time

import pytest

from harness import newsroom
from harness.newsroom import text
from harness.rest import Problem
from harness.wait import wait_for, wait_until_equal

DAYS = ["WEEKDAY_MONDAY", "WEEKDAY_TUESDAY", "WEEKDAY_WEDNESDAY", "WEEKDAY_THURSDAY", "WEEKDAY_FRIDAY", "WEEKDAY_SATURDAY",
        "WEEKDAY_SUNDAY"]


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def number(identifier):
    """The number in an id."""
    value = 0
    for letter in identifier.partition("_")[2]:
        value = value * 32 + "0123456789abcdefghjkmnpqrstvwxyz".index(letter)
    return value


class Newsroom:
    """An account with a SIM and a subscriber."""

    def __init__(self, deployment, simulator, address):
        self.deployment = deployment
        self.api = deployment.create_account("Series", time_zone="Europe/Berlin")
        newsroom.add_sim(deployment, self.api, simulator, address, 10)
        self.channel = newsroom.create_channel(self.api)
        self.phone = simulator.phone(f"{address}01", "P")
        self.phone.write(address, "News")
        wait_until_equal(lambda: self.api.get(f"/v1/channels/{self.channel}")["subscribers"], "1", "the subscription")
        wait_for(lambda: len(self.phone.texts) == 2, "welcome and subscription")

    def series(self, **schedule):
        return {"display_name": "Evening news", "content": text("Good evening"), "audience": {"channels": [self.channel]},
                "schedule": {"weekdays": DAYS[:5], "time_of_day": "19:30", **schedule}}

    def let_happen(self, series, at):
        """As if this was the next occurrence's time: schedules are by the minute, and tests have no time."""
        self.deployment.database.query(f"UPDATE channels.series SET next_time = '{at.isoformat()}', due_time = '{at.isoformat()}' "
                                       f"WHERE id = {number(series)}")

    def broadcasts(self, series):
        return self.api.get("/v1/broadcasts", series_id=series).get("broadcasts", [])


def test_day_of_a_user(product, simulator):
    news = Newsroom(product, simulator, "+49308001")
    api = news.api
    with pytest.raises(Problem) as refused:
        api.post("/v1/broadcast-series", {**news.series(time_of_day="7:30", time_zone="Mars/Olympus", weekdays=[]), "max_occurrences": -1})
    assert sorted(refused.value.fields) == ["max_occurrences", "schedule.time_of_day", "schedule.time_zone", "schedule.weekdays"]
    made = api.post("/v1/broadcast-series", news.series())
    path = f"/v1/broadcast-series/{made['id']}"
    assert made["state"] == "SERIES_STATE_ACTIVE" and made["schedule"]["time_zone"] == "Europe/Berlin"
    assert re.fullmatch(r".*T1[78]:30:00Z", made["next_time"])  # by summer or winter time
    assert api.get(path) == made
    assert [series["id"] for series in api.get("/v1/broadcast-series")["series"]] == [made["id"]]
    changed = api.patch(path, {"schedule": {"weekdays": DAYS, "time_of_day": "12:00", "time_zone": "UTC"}, "etag": made["etag"]})
    assert changed["next_time"].endswith("T12:00:00Z") and changed["etag"] != made["etag"]

    at = now() + datetime.timedelta(seconds=2)
    news.let_happen(made["id"], at)
    wait_until_equal(lambda: news.phone.texts[2:], ["Good evening"], "the occurrence")
    assert 0 <= time.time() - at.timestamp() < 1.5
    broadcast, = news.broadcasts(made["id"])
    assert broadcast["series_id"] == made["id"]
    after = api.get(path)
    assert after["last_broadcast_id"] == broadcast["id"] and after["occurrences"] == "1"

    paused = api.post(f"{path}:pause")
    assert paused["state"] == "SERIES_STATE_PAUSED" and "next_time" not in paused
    assert api.post(f"{path}:resume")["state"] == "SERIES_STATE_ACTIVE"
    api.delete(path)
    with pytest.raises(Problem) as gone:
        api.get(path)
    assert (gone.value.status, gone.value.reason) == (404, "SERIES_NOT_FOUND")
    assert [b["id"] for b in news.broadcasts(made["id"])] == [broadcast["id"]]


def test_occurrences_through_kills(deploy, simulator):
    """channels is killed around each time; each occurrence reaches the phone, and none twice."""
    deployment = deploy("separate")
    news = Newsroom(deployment, simulator, "+49308002")
    series = news.api.post("/v1/broadcast-series", {**news.series(weekdays=DAYS, time_zone="UTC")})["id"]
    kills = (-0.1, 0.2, 0.4, 0.6)
    for times, moment in enumerate(kills, 1):
        at = now() + datetime.timedelta(seconds=1)
        news.let_happen(series, at)
        wait_for(lambda: now() >= at + datetime.timedelta(seconds=moment), "the moment")
        deployment.kill("channels")
        deployment.start_all("channels")
        wait_until_equal(lambda: len(news.phone.texts[2:]), times, "the occurrence")
    wait_until_equal(lambda: [b["state"] for b in news.broadcasts(series)], ["BROADCAST_STATE_DONE"] * len(kills), "the broadcasts")
    assert news.phone.texts[2:] == ["Good evening"] * len(kills)

"""One object of every kind in an account, and a picture of everything the account has."""

import base64
import datetime
import json

from . import newsroom
from .newsroom import contact_state, text
from .wait import wait_for, wait_until_equal

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=")
LISTS = {"/v1/api-keys": "api_keys", "/v1/broadcasts": "broadcasts", "/v1/broadcast-series": "series",
         "/v1/channels": "channels", "/v1/contacts": "contacts", "/v1/conversations": "conversations",
         "/v1/evaluations": "evaluations", "/v1/forwards": "forwards", "/v1/links": "links", "/v1/rules": "rules",
         "/v1/sims": "sims", "/v1/webhooks": "webhooks"}
SINGLES = ("/v1/account", "/v1/settings", "/v1/contacts:count", "/v1/sims:occupancy", "/v1/stop-words",
           "/v1/standard-answers/en", "/v1/link-settings")


class Objects:
    """An account with one of everything; `ids` by prefix ("con")."""

    def __init__(self, deployment, simulator, number):
        self.api = deployment.create_account(f"Account {number}")
        sim_address, phone_address = f"+4930200{number}", f"+4917030000{number}"
        sim = newsroom.add_sim(deployment, self.api, simulator, sim_address, 10)
        channel = newsroom.create_channel(self.api)
        registration = newsroom.register(self.api, phone_address, display_name="Kim")
        contact = registration["contact_id"]
        phone = simulator.phone(phone_address, "Kim")
        phone.write(sim_address, "News")
        wait_until_equal(lambda: len(phone.texts), 2, "welcome and subscription")
        assert contact_state(self.api, contact) == "ACTIVE"
        forward = self.forward(phone, sim_address)
        message = self.api.post("/v1/messages", {"contact_id": contact, "content": text("Hi")})["id"]
        wait_until_equal(lambda: self.api.get(f"/v1/messages/{message}")["state"], "DELIVERY_STATE_READ", "the message")
        far = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
        broadcast = self.api.post("/v1/broadcasts", {"content": text("Hi all"), "audience": {"channels": [channel]},
                                                     "send_time": far})["id"]
        series = self.api.post("/v1/broadcast-series", {
            "display_name": "Weekly", "content": text("Hi all"), "audience": {"channels": [channel]}, "start_time": far,
            "schedule": {"weekdays": ["WEEKDAY_MONDAY"], "time_of_day": "09:00"}})["id"]
        self.ids = {
            "sim": sim, "chn": channel, "con": contact, "cnv": "cnv" + contact[3:], "reg": registration["id"],
            "msg": message, "brd": broadcast, "ser": series,
            "lnk": self.api.post("/v1/links", {"target_url": "https://example.org/"})["id"],
            "med": self.api.post("/v1/media", {"data": base64.b64encode(PNG).decode(), "filename": "a.png"})["id"],
            "rul": self.api.post("/v1/rules", {
                "display_name": "Hours", "trigger": "RULE_TRIGGER_DEFINE", "match_type": "MATCH_TYPE_CONTAINS", "patterns": ["open"],
                "actions": [{"answer": text("Always")}]})["id"],
            "fwd": forward,
            "whk": self.api.post("/v1/webhooks", {"url": "https://example.org/in", "event_types": ["message.*"],
                                                  "state": "WEBHOOK_STATE_PAUSED"})["webhook"]["id"],
            "key": self.api.post("/v1/api-keys", {"display_name": "Reader", "scopes": ["links:read"]})["api_key"]["id"],
        }
        # Counted in memory and written once a second: nothing else tells that it is still to come.
        wait_until_equal(lambda: int(self.api.get(f"/v1/sims/{sim}")["quality"]["accepted"]), len(phone.texts), "the SIM's quality")
        self.settle()

    def forward(self, phone, sim_address):
        """One that was given up: an SMS to nobody."""
        self.api.post("/v1/rules", {
            "display_name": "Forward", "trigger": "RULE_TRIGGER_DEFINE", "match_type": "MATCH_TYPE_CONTAINS",
            "patterns": ["forward"], "actions": [{"sms": {"to": "+43676999999"}}]})
        phone.write(sim_address, "forward this")
        return wait_for(lambda: self.api.get("/v1/forwards", state="FORWARD_STATE_DEAD")["forwards"],
                        "a forward to nobody to be given up")[0]["id"]

    def settle(self):
        """Waits until nothing in the account moves any more."""
        seen = []

        def still():
            seen.append(self.picture())
            return len(seen) > 20 and seen[-1] == seen[-20]

        wait_for(still, "the account to come to rest")

    def picture(self):
        """Everything that can be listed, as text."""
        lists = {path: self.api.all(path, field) for path, field in LISTS.items()}
        lists["subscriptions"] = self.api.all(f"/v1/channels/{self.ids['chn']}/subscriptions", "subscriptions")
        lists["timeline"] = self.api.all(f"/v1/conversations/{self.ids['cnv']}/timeline", "messages")
        singles = {path: self.api.get(path) for path in SINGLES}
        return json.dumps([lists, singles], indent=1, sort_keys=True, ensure_ascii=False)

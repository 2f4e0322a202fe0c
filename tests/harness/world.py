"""Two accounts with one object of everything each, the served contract, and bad requests to its routes."""

import copy
import urllib.parse

from .contract import Contract, id_prefix, set_at
from .newsroom import text
from .objects import Objects

# Valid bodies, as far as a route needs one; ids are filled in by prefix.
BODIES = {
    "POST /v1/accounts": {"display_name": "Third"},
    "POST /v1/api-keys": {"display_name": "More", "scopes": ["contacts:read"]},
    "POST /v1/broadcasts": {"content": text("Hi"), "audience": {"channels": ["{chn}"]}},
    "PATCH /v1/broadcasts/{id}": {"content": text("Other")},
    "POST /v1/broadcast-series": {
        "display_name": "More", "content": text("Hi"), "audience": {"channels": ["{chn}"]},
        "schedule": {"weekdays": ["WEEKDAY_MONDAY"], "time_of_day": "09:00"}},
    "PATCH /v1/broadcast-series/{id}": {"display_name": "Other"},
    "POST /v1/broadcasts:preview": {"content": text("Hi"), "audience": {"channels": ["{chn}"]}},
    "POST /v1/broadcasts:test": {"content": text("Hi"), "contacts": ["{con}"]},
    "POST /v1/channels": {"display_name": "More", "keyword": "MORE"},
    "POST /v1/channels/{channel_id}/subscriptions": {"contact_id": "{con}"},
    "PATCH /v1/channels/{id}": {"display_name": "Other"},
    "PATCH /v1/contacts/{id}": {"display_name": "Other"},
    "PATCH /v1/link-settings": {"domain": "go.example.org"},
    "POST /v1/links": {"target_url": "https://example.org/more"},
    "PATCH /v1/links/{id}": {"display_name": "Other"},
    "POST /v1/media": {"data": "iVBORw0KGgo=", "filename": "a.png"},
    "PUT /v1/message-prices": {"currency": "EUR", "prices": [{"network": "NETWORK_SMS", "message_class": "MESSAGE_CLASS_SERVICE",
                                                               "micros": "70000"}]},
    "POST /v1/messages": {"contact_id": "{con}", "content": text("Hi")},
    "POST /v1/registrations": {"network": "NETWORK_WHATSAPP", "phone": "+491703000099"},
    "POST /v1/rules": {"display_name": "More", "trigger": "RULE_TRIGGER_ALWAYS", "actions": [{"answer": text("Hi")}]},
    "PATCH /v1/rules/{id}": {"display_name": "Other"},
    "POST /v1/rules:replay": {"rule": {"display_name": "More", "trigger": "RULE_TRIGGER_ALWAYS",
                                       "actions": [{"answer": text("Hi")}]}},
    "POST /v1/rules:test": {"text": "News"},
    "PATCH /v1/settings": {"time_zone": "Europe/Vienna"},
    "POST /v1/sims": {"network": "NETWORK_WHATSAPP", "address": "+4930999", "capacity": 5},
    "PATCH /v1/sims/{id}": {"display_name": "Other"},
    "POST /v1/sims/{id}/groups:join": {"invite_link": "https://chat.example.org/abc"},
    "POST /v1/sims/{id}/groups:leave": {"group_id": "abc"},
    "PUT /v1/standard-answers/{language}": {"welcome_text": "Hi"},
    "PUT /v1/stop-words": {"added": ["enough"]},
    "POST /v1/webhooks": {"url": "https://example.org/in", "event_types": ["message.received"]},
    "PATCH /v1/webhooks/{id}": {"display_name": "Other"},
    "POST /v1/webhooks/{id}:replay": {"from_sequence": "1"},
}


# Values of path parameters that are no ids.
WORDS = {"report": "traffic"}


class World:
    """Two accounts with one object of everything each, and the served contract."""

    def __init__(self, deployment, simulator):
        self.contract = Contract(deployment.client(None).get("/v1/openapi.json"))
        self.mine = Objects(deployment, simulator, 1)
        self.foreign = Objects(deployment, simulator, 2)
        self.operator = deployment.operator()
        self.anonymous = deployment.client(None)
        self.complaints = []

    @property
    def operations(self):
        return [operation for operation in self.contract.operations if operation.path != "/v1/events"]

    def fill(self, value):
        if isinstance(value, dict):
            return {name: self.fill(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self.fill(one) for one in value]
        return self.mine.ids[value[1:-1]] if isinstance(value, str) and value.startswith("{") else value

    def body(self, operation):
        return self.fill(copy.deepcopy(BODIES.get(repr(operation), {})))

    def path(self, operation, **values):
        path = operation.path
        for parameter in operation.path_parameters:
            name = parameter["name"]
            value = values.get(name) or WORDS.get(name) or self.mine.ids.get(id_prefix(parameter["schema"]), "en")
            path = path.replace("{" + name + "}", urllib.parse.quote(value, safe="%"))
        return path

    def send(self, operation, what, field=None, *, body=None, path=None, statuses=range(400, 500), **query):
        """Sends what must be refused; notes what is wrong with the answer."""
        client = self.operator if operation.scope == "operator" else self.mine.api
        if body is None and operation.body:
            body = self.body(operation)
        answer = client.ask(operation.method, path or self.path(operation), body, **query)
        complain = lambda fault: self.complaints.append(f"{operation}: {what}: {fault}: {answer}")
        if answer.status not in statuses:
            return complain(f"status {answer.status}")
        if answer.status < 400:
            return None
        if not answer.headers.get("X-Request-Id"):
            complain("no X-Request-Id")
        try:
            problem = answer.problem()
        except (AssertionError, ValueError) as error:
            return complain(f"no problem document: {error}")
        if problem.get("request_id") != answer.headers.get("X-Request-Id"):
            complain("another request_id")
        fields = [error["field"] for error in problem.get("errors", [])]
        if field is not None and not any(one == field or one.startswith((field + "[", field + ".")) for one in fields):
            complain(f"does not name {field}")

    def body_with(self, operation, path, value):
        body = self.body(operation)
        if path[0] == "content" and path[1:2] != ("text",):
            body["content"] = {}  # one kind of content at a time
        set_at(body, path, value)
        return body

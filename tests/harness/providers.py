"""SIMs at providers, before the simulator's doubles of these."""

import itertools
import urllib.parse

from .wait import wait_for

# Nobody else's number, page, bot or phone, whatever ran before in the same database and the same simulator.
_numbers = itertools.count(1)
META = {"app_secret": "app-secret", "verify_token": "verify-me"}


class ProviderSim:
    """A SIM of one of the four drivers, its double, and people who may write to it. `settings`: more of the driver's;
    `double`: more of the double's; other fields are the SIM's."""

    network = ""
    driver = ""
    path = ""
    secrets = {}

    def __init__(self, api, simulator, settings=None, double=None, **fields):
        self.api, self.simulator, self.number = api, simulator, next(_numbers)
        self.address = self.make_address()
        self.origin = f"{simulator.origin}/{self.path}"
        polling = (settings or {}).get("polling", False)
        # First, for a driver may tell its provider at once where to call back.
        self.make_double(double or {})
        sim = api.post("/v1/sims", {"network": f"NETWORK_{self.network}", "address": self.address, "capacity": 1000, "driver": {
            self.driver: {"base_url": self.origin, **self.settings(), **self.secrets, **(settings or {})}}, **fields})
        self.id = sim["id"]
        shown = sim["driver"]
        assert not any(shown[self.driver].get(secret) for secret in self.secrets), "credentials are never shown"
        assert sorted(shown["secret_fingerprints"]) == sorted(self.secrets)
        self.callback_url = shown.get("callback_url", "")
        assert bool(self.callback_url) == (not polling)
        if self.calls_by_hand():
            self.control("callback", url=self.webhook())
        wait_for(lambda: api.get(f"/v1/sims/{self.id}")["online"], "the SIM to be driven")

    def make_address(self):
        return f"+49309{self.number:05}"

    def settings(self):
        return {}

    def make_double(self, more):
        self.simulator.post("/doubles", {"driver": self.driver, "address": self.address, **self.double(), **more})

    def calls_by_hand(self):
        """Whether somebody has to tell the provider where to call back."""
        return True

    def webhook(self):
        return self.callback_url

    def control(self, verb, **body):
        """Has the double do something."""
        path = urllib.parse.quote(self.address, safe="")
        return self.simulator.post(f"/doubles/{path}:{verb}?network={self.network}", body)

    def counts(self):
        """What has happened at the double."""
        return next(one for one in self.simulator.get("/doubles")["doubles"]
                    if (one["network"], one["address"]) == (self.network, self.address))

    def phone(self, name=""):
        """Somebody who is at the network."""
        number = next(_numbers)
        return self.simulator.phone(self.phone_address(number), name, self.network)

    @staticmethod
    def phone_address(number):
        return f"+491709{number:06}"

    def open_link(self, phone, link):
        """Somebody follows a registration's link."""
        carried = urllib.parse.parse_qs(link.partition("?")[2])
        (text,) = next(iter(carried.values()))
        phone.write(self.address, text)


class WhatsAppCloud(ProviderSim):
    network, driver, path = "WHATSAPP", "whatsapp_cloud", "whatsapp"
    secrets = {"access_token": "token-1", **META}

    def settings(self):
        return {"phone_number_id": f"1065{self.number}"}

    def double(self):
        return {"sender_id": f"1065{self.number}", "token": "token-1", **META}


class Telegram(ProviderSim):
    network, driver, path = "TELEGRAM", "telegram", "telegram"

    def __init__(self, api, simulator, settings=None, **fields):
        self.token = f"{7000 + next(_numbers)}:{'A' * 35}"
        self.secrets = {"bot_token": self.token}
        if not (settings or {}).get("polling"):
            self.secrets["secret_token"] = "secret_1"
        super().__init__(api, simulator, settings, **fields)

    def make_address(self):
        return f"news_{self.number}_bot"

    def double(self):
        return {"token": self.token}

    def calls_by_hand(self):
        return False  # setWebhook

    @staticmethod
    def phone_address(number):
        return f"47{number:08}"

    def open_link(self, phone, link):
        assert link.startswith(f"https://t.me/{self.address}?start="), link
        phone.write(self.address, f"/start {link.partition('=')[2]}")


class Messenger(ProviderSim):
    network, driver, path = "MESSENGER", "messenger", "messenger"
    secrets = {"page_token": "page-token", **META}

    def make_address(self):
        return f"news.page.{self.number}"

    def settings(self):
        return {"page_id": f"2044{self.number}"}

    def double(self):
        return {"sender_id": f"2044{self.number}", "token": "page-token", **META}

    @staticmethod
    def phone_address(number):
        return f"2400{number:010}"

    def open_link(self, phone, link):
        assert link.startswith(f"https://m.me/{self.address}?ref="), link
        self.control("referral", phone=phone.address, ref=link.partition("=")[2])


class SmsKannel(ProviderSim):
    network, driver, path = "SMS", "sms_kannel", "kannel"
    secrets = {"password": "kannel-password", "callback_token": "callback-token-0123456789"}

    def settings(self):
        return {"username": f"mo{self.number}"}

    def double(self):
        return {"sender_id": f"mo{self.number}", "token": "kannel-password"}

    def webhook(self):
        return f"{self.callback_url}?token={self.secrets['callback_token']}"

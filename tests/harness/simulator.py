"""The network of virtual phones (tools/simulator/README.md)."""

import shutil
import urllib.parse

from .deployment import executable, free_port
from .processes import Process
from .rest import Client
from .servers import temp_folder
from .wait import wait_for

NETWORK = "WHATSAPP"


class Simulator:
    """The simulator's process and its control API."""

    def __init__(self, seed=1):
        port = free_port()
        self._folder = temp_folder("simulator")
        self._process = Process("mo-simulator", [executable("mo-simulator"), f"--http_listen=127.0.0.1:{port}", f"--seed={seed}"],
                                self._folder / "simulator.log")
        self.origin = f"http://127.0.0.1:{port}"
        self._api = Client(self.origin)

        def up():
            assert self._process.running, self._process.log_tail()
            try:
                return self._api.ask("GET", "/stats").status == 200
            except OSError:
                return False

        wait_for(up, "the simulator to start")

    @property
    def log_path(self):
        return self._process.log_path

    def call(self, method, path, body=None):
        answer = self._api.ask(method, path, body)
        assert answer.status < 300, f"{method} {path}: {answer}"
        return answer.json() if answer.body else None

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None):
        return self.call("POST", path, {} if body is None else body)

    def attach(self, address, token, gateway, **options):
        """An agent for a SIM; it attaches again by itself after every loss."""
        self.post("/agents", {"network": NETWORK, "address": address, "token": token, "gateway": gateway, **options})

    def detach(self, address):
        """Ends the agent of a SIM."""
        self.call("DELETE", f"/agents/{urllib.parse.quote(address, safe='')}?network={NETWORK}")

    def disconnect(self, address):
        """Drops the agent's stream, if there is one; it attaches again."""
        answer = self._api.ask("POST", f"/agents/{urllib.parse.quote(address, safe='')}:disconnect", {})
        assert answer.status in (200, 404), answer

    def agents(self):
        return self.get("/agents")["agents"]

    def histogram(self, prefix, network=NETWORK):
        """{how many different messages: how many phones}, of phones whose address begins so, and the number of copies."""
        report = self.get(f"/report?{urllib.parse.urlencode({'network': network, 'prefix': prefix, 'page_size': 0})}")
        return {int(times): phones for times, phones in report["histogram"].items()}, report["duplicates"]

    def settings(self, **changes):
        self.post("/settings", changes)

    def phone(self, address, name, network=NETWORK):
        return Phone(self, address, name, network)

    def stats(self):
        return self.get("/stats")

    def close(self):
        self._api.close()
        if self._process.running:
            self._process.terminate()
        shutil.rmtree(self._folder, ignore_errors=True)


class Phone:
    """An end customer's phone."""

    def __init__(self, simulator, address, name, network=NETWORK):
        self._simulator = simulator
        self.address = address
        self.name = name
        self._path = f"/phones/{network}/{urllib.parse.quote(address, safe='')}"
        simulator.post("/phones", {
            "network": network, "address": address, "name": name, **({"phone": address} if address.startswith("+") else {})})

    def write(self, sim_address, text):
        return self._simulator.post(self._path + ":write", {"to": sim_address, "text": text})["provider_message_id"]

    def send(self, sim_address, **media):
        """Writes with a file: `kind`, and `data` in base64 or `url`."""
        return self._simulator.post(self._path + ":write", {"to": sim_address, "media": media})["provider_message_id"]

    def do(self, verb, **body):
        self._simulator.post(f"{self._path}:{verb}", body)

    @property
    def state(self):
        return self._simulator.get(self._path)

    @property
    def texts(self):
        """Everything it got, in order of arrival."""
        return [message.get("text", "") for message in self.state["messages"]]

    def assert_no_duplicates(self):
        state = self.state
        assert state["duplicates"] == 0 and state["received"] == state["distinct"], state

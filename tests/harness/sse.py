"""A listener of /v1/events, as a browser's EventSource is one."""

import http.client
import json
import socket
import threading
import urllib.parse

from .wait import wait_for


class Event:
    """One event of the stream."""

    def __init__(self, number, kind, data):
        self.id = number
        self.kind = kind
        self.data = json.loads(data)

    def __repr__(self):
        return f"{self.id} {self.kind} {self.data}"


class EventStream:
    """Reads the stream in a thread, connects again with Last-Event-ID when it breaks, keeps everything."""

    def __init__(self, client, last_event_id=None):
        self._host = urllib.parse.urlsplit(client.url).netloc
        self._key = client.key
        self._last = last_event_id
        self._events = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._socket = None
        self.error = None
        self.connects = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        wait_for(lambda: self.connects > 0 or self.error, "the event stream to open")
        assert self.error is None, self.error

    @property
    def events(self):
        with self._lock:
            return list(self._events)

    def _run(self):
        while not self._closed.is_set():
            try:
                self._listen()
            except (OSError, http.client.HTTPException, ValueError):
                pass  # the server is down, or has gone in the middle of a line
            self._closed.wait(0.05)

    def _listen(self):
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "text/event-stream"}
        if self._last is not None:
            headers["Last-Event-ID"] = str(self._last)
        connection = http.client.HTTPConnection(self._host, timeout=40)
        connection.connect()
        self._socket = connection.sock
        connection.request("GET", "/v1/events", headers=headers)
        response = connection.getresponse()
        if response.status == 503:
            return
        if response.status != 200 or response.headers["Content-Type"] != "text/event-stream":
            self.error = f"{response.status} {response.read(500)!r}"
            self._closed.set()
            return
        fields = {}
        while line := response.readline():
            line = line.decode().rstrip("\n")
            if line.startswith(":"):
                self.connects += 1 if "connected" in line else 0
            elif line:
                name, _, value = line.partition(": ")
                fields[name] = value
            else:
                self._take(fields)
                fields = {}

    def _take(self, fields):
        if "id" in fields:
            self._last = int(fields["id"])
        if "event" in fields:
            with self._lock:
                self._events.append(Event(self._last, fields["event"], fields["data"]))

    def wait(self, matches, what, deadline=20):
        """The first event that matches."""
        def found():
            assert self.error is None, self.error
            return next((event for event in self.events if matches(event)), None)

        return wait_for(found, lambda: f"event: {what}; got {[event.kind for event in self.events]}", deadline)

    def assert_gapless(self):
        """Nothing was lost or told twice, over all connections."""
        numbers = [event.id for event in self.events]
        assert all(event.kind != "gap" for event in self.events), self.events
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True, numbers

    def close(self):
        self._closed.set()
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the server was faster
        self._thread.join(10)

"""A client of the REST API."""

import http.client
import json
import threading
import time
import urllib.parse
import uuid


class Answer:
    """An HTTP answer, whatever its status."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    @property
    def content_type(self):
        return self.headers.get("Content-Type", "")

    def problem(self):
        """The problem document (RFC 9457) of an error, after checking its form."""
        assert self.status >= 400, f"{self} is no error"
        assert self.content_type == "application/problem+json", f"{self} is no problem document"
        problem = self.json()
        for field, kind in (("type", str), ("title", str), ("status", int), ("detail", str), ("reason", str)):
            assert isinstance(problem.get(field), kind), f"{field} in {self}"
        assert problem["status"] == self.status and problem["reason"], str(self)
        for error in problem.get("errors", []):
            assert isinstance(error["field"], str) and error["reason"] and error["detail"], str(self)
        return problem

    def __str__(self):
        return f"{self.status} {self.content_type} {self.body[:600]!r}"


class Problem(AssertionError):
    """The API has refused a request."""

    def __init__(self, method, path, answer):
        super().__init__(f"{method} {path}: {answer}")
        self.answer = answer
        self.status = answer.status
        document = answer.problem()
        self.reason = document["reason"]
        self.detail = document["detail"]
        self.fields = [error["field"] for error in document.get("errors", [])]


class Client:
    """One connection, kept alive; may be used from one thread at a time. Every write carries an idempotency key, so that it
    can be sent again when its connection breaks. `patience`: for how many seconds a 503 and a lost connection are borne,
    as a real client does while the product restarts."""

    def __init__(self, url, key=None, patience=0.0):
        self._host = urllib.parse.urlsplit(url).netloc
        self._connection = None
        self._lock = threading.Lock()
        self.url = url
        self.key = key
        self.patience = patience

    def ask(self, method, path, body=None, headers=None, **query):
        """Sends one request, as it is given; bytes go out as they are."""
        if query:
            path += "?" + urllib.parse.urlencode(query, doseq=True)
        headers = dict(headers or {})
        if self.key and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.key}"
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            if not isinstance(body, bytes):
                body = json.dumps(body).encode()
        with self._lock:
            return self._send(method, path, body, headers)

    def _send(self, method, path, body, headers):
        repeatable = method in ("GET", "HEAD") or "Idempotency-Key" in headers
        reused = self._connection is not None
        try:
            return self._exchange(method, path, body, headers)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # The server may close an idle connection at any time.
            if not reused or not repeatable:
                raise
            return self._exchange(method, path, body, headers)

    def _exchange(self, method, path, body, headers):
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, timeout=30)
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except BaseException:
            self.close()
            raise
        if response.will_close:
            self.close()
        return answer

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def call(self, method, path, body=None, headers=None, **query):
        """The JSON of a successful answer; raises Problem."""
        headers = dict(headers or {})
        if method not in ("GET", "HEAD"):
            headers.setdefault("Idempotency-Key", str(uuid.uuid4()))
        answer = self._patiently(lambda: self.ask(method, path, body, headers, **query))
        if answer.status >= 400:
            raise Problem(method, path, answer)
        return answer.json() if answer.body and answer.content_type == "application/json" else answer

    def _patiently(self, send):
        end = time.monotonic() + self.patience
        while True:
            try:
                answer = send()
                if answer.status != 503 or time.monotonic() > end:
                    return answer
                assert answer.headers.get("Retry-After"), f"503 without Retry-After: {answer}"
            except OSError:
                if time.monotonic() > end:
                    raise
            time.sleep(0.1)

    def get(self, path, **query):
        return self.call("GET", path, **query)

    def post(self, path, body=None, headers=None, **query):
        return self.call("POST", path, {} if body is None else body, headers, **query)

    def put(self, path, body, headers=None):
        return self.call("PUT", path, body, headers)

    def patch(self, path, body, headers=None, **query):
        return self.call("PATCH", path, body, headers, **query)

    def delete(self, path, headers=None):
        return self.call("DELETE", path, None, headers)

    def all(self, path, field, page_size=1000, **query):
        """All items of a list, over its pages."""
        items, token = [], ""
        while True:
            page = self.get(path, page_size=page_size, **({"page_token": token} if token else {}), **query)
            items += page.get(field, [])
            token = page.get("next_page_token", "")
            if not token:
                return items

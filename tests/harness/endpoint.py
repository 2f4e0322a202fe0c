"""A system of a customer's: an HTTP endpoint that forwards and webhooks are posted to."""

import base64
import hashlib
import hmac
import http.server
import json
import threading


class Endpoint:
    """Keeps what is posted, in `posts`: (path, headers, JSON). `answer(path, headers, data)` gives (status, headers, body);
    by default 200 without a body."""

    def __init__(self, answer=None):
        self.posts = []
        self._lock = threading.Lock()
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                data = json.loads(body)
                status, headers, answer_body = (answer or (lambda *_: (200, {}, b"")))(self.path, self.headers, data)
                with endpoint._lock:
                    endpoint.posts.append((self.path, dict(self.headers.items()), data, body))
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(answer_body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer_body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def signature(secret, headers, body):
    """What webhook-signature must contain, by the Standard Webhooks specification."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()

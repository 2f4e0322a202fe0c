"""A TCP load balancer between a service's replicas and who calls them; its connections can be cut like a network's."""

import contextlib
import select
import socket
import struct
import threading

_CHUNK = 1 << 18
_MOST_BUFFERED = 1 << 20


class _Side:
    """One end of a pair of connections, with what is still to be written to it."""

    def __init__(self, connection, replica):
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = connection
        self.replica = replica
        self.to_replica = False
        self.other = None
        self.waiting = bytearray()


class Balancer:
    """Gives each new connection to the replica with the fewest, among those that are up. One thread does it all."""

    def __init__(self, replicas):
        self._ports = replicas  # {name: port}
        self._suspended = set()
        self._forsaken = []  # our ends towards replicas that nobody reads any more
        self._sides = {}
        self._lock = threading.Lock()
        self._epoll = select.epoll()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._wake, self._woken = socket.socketpair()
        for one in (self._listener, self._woken):
            self._epoll.register(one, select.EPOLLIN)
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self):
        """Every connection breaks, both ways; how many that were."""
        with self._lock:
            sides = [side for side in self._sides.values() if side.to_replica]
            for side in sides:
                self._close_pair(side)
            return len(sides)

    def connections(self):
        """{replica: how many connections}."""
        with self._lock:
            return {name: self._count(name) for name in self._ports}

    def forsake(self, replica):
        """Its health check has failed: callers lose their connections to it and get others. The replica does not learn of it,
        as when the network has parted."""
        with self._lock:
            self._suspended.add(replica)
            for side in [side for side in self._sides.values() if side.to_replica and side.replica == replica]:
                self._forget(side)
                self._forsaken.append(side.connection)
                self._close(side.other)

    def restore(self, replica):
        """Its health check succeeds again."""
        with self._lock:
            self._suspended.discard(replica)
            for connection in self._forsaken:
                connection.close()
            self._forsaken.clear()

    def close(self):
        self._closing = True
        self._wake.send(b"x")
        self._thread.join()
        for side in list(self._sides.values()):
            side.connection.close()
        self._listener.close()
        self._epoll.close()

    def _run(self):
        while not self._closing:
            for number, events in self._epoll.poll():
                with self._lock:
                    if number == self._listener.fileno():
                        self._accept()
                    elif number in self._sides:
                        self._serve(self._sides[number], events)

    def _count(self, replica):
        return sum(side.to_replica and side.replica == replica for side in self._sides.values())

    def _accept(self):
        try:
            caller = self._listener.accept()[0]
        except OSError:
            return
        for replica in sorted((name for name in self._ports if name not in self._suspended), key=self._count):
            with contextlib.suppress(OSError):
                pair = _Side(caller, replica), _Side(socket.create_connection(("127.0.0.1", self._ports[replica])), replica)
                pair[1].to_replica = True
                pair[0].other, pair[1].other = pair[1], pair[0]
                for side in pair:
                    self._sides[side.connection.fileno()] = side
                    self._epoll.register(side.connection, select.EPOLLIN)
                return
        caller.close()

    def _serve(self, side, events):
        try:
            if events & select.EPOLLOUT:
                self._flush(side)
            # An end that has closed or failed says so when it is read.
            if events & ~select.EPOLLOUT:
                data = side.connection.recv(_CHUNK)
                if not data:
                    raise ConnectionResetError
                side.other.waiting += data
                self._flush(side.other)
        except BlockingIOError:
            pass
        except OSError:
            return self._close_pair(side)
        for one in (side, side.other):
            room = len(one.other.waiting) < _MOST_BUFFERED
            self._epoll.modify(one.connection, (select.EPOLLIN if room else 0) | (select.EPOLLOUT if one.waiting else 0))

    @staticmethod
    def _flush(side):
        with contextlib.suppress(BlockingIOError):
            while side.waiting:
                del side.waiting[:side.connection.send(side.waiting)]

    def _forget(self, side):
        self._epoll.unregister(side.connection)
        del self._sides[side.connection.fileno()]

    def _close(self, side):
        self._forget(side)
        # Reset, not closed in order: what was under way is lost.
        side.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        side.connection.close()

    def _close_pair(self, side):
        self._close(side.other)
        self._close(side)

#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The application under observation: a process of its own, told what to do.

One JSON request per line on stdin, one JSON answer per line on stdout. It ends
when stdin ends, so it cannot outlive the test that started it.
"""
import contextlib
import json
import socket
import struct
import sys
import threading
import time


def receive_exactly(sock, count):
    """Reads count bytes; an earlier end of the stream is an error."""
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            raise EOFError(f"end of stream after {len(data)} of {count} bytes")
        data += part
    return len(data)


class App:
    """Sockets by number, and one method per request."""

    def __init__(self):
        self.sockets = {}
        self.next_id = 1

    def keep(self, sock):
        number = self.next_id
        self.next_id += 1
        self.sockets[number] = sock
        return number

    def listen(self, host, port, backlog, dual=False, keepalive=None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if dual else 1)
        if keepalive:
            self.set_keepalive(sock, keepalive)
        # What nearly every host uses; accepted sockets inherit it.
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        sock.bind((host, port))
        sock.listen(backlog)
        return self.keep(sock)

    def accept(self, listener):
        self.sockets[listener].settimeout(10)
        sock, peer = self.sockets[listener].accept()
        sock.settimeout(None)
        return {"id": self.keep(sock), "peer_port": peer[1]}

    @staticmethod
    def set_keepalive(sock, values):
        idle, interval, count, *user_timeout = values
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, count)
        for milliseconds in user_timeout:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)

    def keepalive(self, id, values):
        self.set_keepalive(self.sockets[id], values)

    def send(self, id, count):
        """Blocking; the lab sends little enough to fit the buffers."""
        self.sockets[id].sendall(b"x" * count)
        return count

    def fill(self, id):
        """Sends until the kernel takes no more for half a second."""
        sock = self.sockets[id]
        sock.settimeout(0.5)
        total = 0
        try:
            while True:
                total += sock.send(b"x" * 65536)
        except TimeoutError:
            return total
        finally:
            sock.settimeout(None)

    def recv(self, id, count):
        return receive_exactly(self.sockets[id], count)

    def recv_eof(self, id):
        sock = self.sockets[id]
        sock.settimeout(10)
        total = 0
        while True:
            part = sock.recv(65536)
            if not part:
                sock.settimeout(None)
                return total
            total += len(part)

    def shutdown(self, id):
        self.sockets[id].shutdown(socket.SHUT_WR)

    def close(self, id):
        self.sockets.pop(id).close()

    def reset(self, id):
        sock = self.sockets.pop(id)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    def background(self, target, *arguments):
        def run():
            try:
                target(*arguments)
            except OSError:
                pass  # the peer vanished or the lab closed it: the end of this one

        threading.Thread(target=run, daemon=True).start()

    def echo(self, id):
        """Sends back whatever comes, until the end; then closes."""
        self.background(self._echo, id)

    def _echo(self, id):
        sock = self.sockets[id]
        while True:
            data = sock.recv(65536)
            if not data:
                sock.close()
                return
            sock.sendall(data)

    def echo_all(self, listener):
        """Accepts for ever and echoes on each connection."""
        self.background(self._echo_all, listener)

    def _echo_all(self, listener):
        self.sockets[listener].settimeout(None)
        while True:
            sock, _ = self.sockets[listener].accept()
            self.background(self._echo, self.keep(sock))

    def stream(self, id, count, interval):
        """Sends count bytes each interval, whatever the peer does."""
        self.background(self._stream, id, count, interval)

    def _stream(self, id, count, interval):
        while True:
            self.sockets[id].sendall(b"s" * count)
            time.sleep(interval)

    def sip(self, id, count, interval):
        """Reads up to count bytes each interval: slow, but it moves."""
        self.background(self._sip, id, count, interval)

    def _sip(self, id, count, interval):
        while self.sockets[id].recv(count):
            time.sleep(interval)


def main():
    with open("/proc/self/comm", "w", encoding="ascii") as comm:
        comm.write(sys.argv[1])
    app = App()
    print(json.dumps({"ok": "ready"}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"ok": getattr(app, request.pop("do"))(**request)}
        except Exception as error:  # pylint: disable=broad-except  (goes to the test)
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

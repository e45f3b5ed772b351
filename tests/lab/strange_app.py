# SPDX-License-Identifier: MIT
"""Small servers and clients with odd but common manners: strange_app.py WHAT ..."""
import resource
import socket
import subprocess
import sys
import threading
import time

FOREVER = 1000


def listen(port, inheritable=False):
    server = socket.create_server(("0.0.0.0", int(port)), backlog=128)
    server.set_inheritable(inheritable)
    return server


def serve_each(server, handler):
    """A thread for each connection."""
    while True:
        try:
            sock, _ = server.accept()
        except OSError:  # no descriptor is left
            time.sleep(0.1)
            continue
        threading.Thread(target=handler, args=(sock,), daemon=True).start()


def thread_each(port, handler):
    serve_each(listen(port), handler)


def echo(sock):
    """Answers until told to "hang": then it keeps the connection and reads no more."""
    while data := sock.recv(4096):
        sock.sendall(data)
        if data == b"hang":
            time.sleep(FOREVER)
    sock.close()


def ticker(sock):
    """Sends every second; what the client says is never read."""
    while True:
        sock.sendall(b"tick")
        time.sleep(1)


def sink(sock):
    """Takes lines of a log and never answers."""
    while sock.recv(4096):
        pass
    sock.close()


def work(sock):
    """Reads a request and works on it; whether the client stays, it does not look."""
    sock.recv(4096)
    time.sleep(FOREVER)


def greet(sock):
    """Answers once, closes after a second: a server that ends idle connections."""
    sock.sendall(sock.recv(4096))
    time.sleep(1)
    sock.close()


def welcome(sock):
    """Says something first, as TLS 1.3 does with its tickets; then it listens."""
    sock.sendall(b"w" * 500)
    echo(sock)


def big_or_small(sock):
    """Asked for something big it answers with more than fits into one segment."""
    while data := sock.recv(4096):
        sock.sendall(b"b" * 50000 if data == b"big" else b"small")
    sock.close()


def flood(sock):
    """Sends more than the peer takes, and closes without waiting for it."""
    sock.recv(4096)
    sock.setblocking(False)
    try:
        while True:
            sock.send(b"f" * 65536)
    except BlockingIOError:
        sock.close()


def deferred(port):
    """Wakes up only for clients that have said something."""
    server = listen(port)
    server.listen(32)
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 120)
    serve_each(server, echo)


def one_client_at_a_time(port):
    """Serves a client until it leaves, then the next one; asked for much, it sends much."""
    server = listen(port)
    while True:
        sock, _ = server.accept()
        while data := sock.recv(4096):
            sock.sendall(b"m" * 20000000 if data == b"much" else data)
        sock.close()


def few_descriptors(port):
    """Cannot accept any more after some clients."""
    server = listen(port)
    resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))
    serve_each(server, echo)


def hand_on(port):
    """Passes each connection on to somebody who does not take it."""
    server = listen(port)
    ours, theirs = socket.socketpair()
    with theirs:
        while True:
            sock, _ = server.accept()
            socket.send_fds(ours, [b"x"], [sock.fileno()])
            sock.close()


def with_heirs(port):
    """Closes its connections, and helpers that it started keep copies of them."""
    server = listen(port)
    while True:
        sock, _ = server.accept()
        sock.recv(4096)
        sock.set_inheritable(True)
        # pylint: disable-next=consider-using-with
        subprocess.Popen(["sleep", str(FOREVER)], close_fds=False)
        sock.sendall(b"done")
        sock.recv(4096)
        sock.close()


def drain(port, count):
    """Accepts so many clients and no more, closes its listener, goes on with them."""
    server = listen(port)
    for _ in range(int(count)):
        sock, _ = server.accept()
        threading.Thread(target=echo, args=(sock,), daemon=True).start()
    server.close()
    time.sleep(FOREVER)


def half_closer(address, port, count):
    """Clients that have said all and wait for the replies."""
    socks = [socket.create_connection((address, int(port))) for _ in range(int(count))]
    for sock in socks:
        sock.sendall(b"hello")
        time.sleep(0.1)  # the request is read alone
        sock.shutdown(socket.SHUT_WR)
    print("ready", flush=True)
    for sock in socks:
        sock.recv(4096)


def one_at_a_time(port, seconds):
    """One request after the other, each in its time: 1/seconds requests a second."""
    server = listen(port)
    while True:
        sock, _ = server.accept()
        sock.recv(4096)
        time.sleep(float(seconds))
        sock.sendall(b"done")
        sock.close()


def with_helper(port):
    """Accepts nothing; a helper program that it started has inherited the listener."""
    server = listen(port, inheritable=True)
    with subprocess.Popen(["sleep", str(FOREVER)], close_fds=False):
        time.sleep(FOREVER)
    server.close()


def pool(address, port, count):
    """A client that used each of its connections once and keeps them for later."""
    socks = [socket.create_connection((address, int(port))) for _ in range(int(count))]
    for sock in socks:
        sock.sendall(b"hello")
        sock.recv(4096)
    print("ready", flush=True)
    time.sleep(FOREVER)


THREADED = {"echo": echo, "ticker": ticker, "sink": sink, "work": work, "greet": greet,
            "welcome": welcome, "big-or-small": big_or_small, "flood": flood}
OTHERS = {"one-at-a-time": one_at_a_time, "with-helper": with_helper, "pool": pool,
          "deferred": deferred, "one-client-at-a-time": one_client_at_a_time,
          "few-descriptors": few_descriptors, "hand-on": hand_on,
          "with-heirs": with_heirs, "drain": drain, "half-closer": half_closer}

if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    if what in THREADED:
        thread_each(arguments[0], THREADED[what])
    else:
        OTHERS[what](*arguments)

# SPDX-License-Identifier: MIT
"""Small servers and clients with odd but common manners: strange_app.py WHAT ..."""
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


def thread_each(port, handler):
    """A thread for each connection."""
    server = listen(port)
    while True:
        sock, _ = server.accept()
        threading.Thread(target=handler, args=(sock,), daemon=True).start()


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


THREADED = {"echo": echo, "ticker": ticker, "sink": sink, "work": work, "greet": greet}
OTHERS = {"one-at-a-time": one_at_a_time, "with-helper": with_helper, "pool": pool}

if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    if what in THREADED:
        thread_each(arguments[0], THREADED[what])
    else:
        OTHERS[what](*arguments)

# SPDX-License-Identifier: MIT
"""A FastAPI application with the usual handlers, good and bad, and a WSGI one."""
import asyncio
import os
import socket
import time

UPSTREAM = os.environ.get("LAB_UPSTREAM", "")


def upstream():
    host, port = UPSTREAM.split(":")
    return host, int(port)


def wait_for_upstream():
    """What `requests` does without a timeout."""
    with socket.create_connection(upstream()) as sock:
        sock.sendall(b"GET /price HTTP/1.1\r\nhost: prices\r\n\r\n")
        return len(sock.recv(4096))


def make_asgi():
    from fastapi import FastAPI  # pylint: disable=import-outside-toplevel

    made = FastAPI()

    @made.get("/ok")
    async def _ok():
        return "fine"

    @made.get("/slowish")
    async def _slowish():
        await asyncio.sleep(1.5)
        return "fine"

    @made.get("/await")
    async def _await():
        reader, writer = await asyncio.open_connection(*upstream())
        writer.write(b"GET /price HTTP/1.1\r\nhost: prices\r\n\r\n")
        return len(await reader.read(4096))

    @made.get("/block")
    async def _block():
        return wait_for_upstream()  # the mistake: it holds the event loop

    @made.get("/thread")
    def _thread():
        return wait_for_upstream()  # in the pool of 40 threads

    @made.get("/brief-thread")
    def _brief_thread():
        time.sleep(0.5)
        return "fine"

    return made


def wsgi(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/hang":
        wait_for_upstream()
    elif path == "/slowish":
        time.sleep(0.2)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"fine\n"]


if os.environ.get("LAB_ASGI"):
    app = make_asgi()

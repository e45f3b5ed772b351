# SPDX-License-Identifier: MIT
"""The service of the night: handlers that await, one that blocks the event loop."""
import asyncio
import time

BIG = 64 * 1024 * 1024


async def app(scope, receive, send):
    """A plain ASGI application; uvicorn runs it."""
    if scope["type"] != "http":
        return
    path = scope["path"]
    body = b"fine\n"
    if path == "/await":
        await asyncio.sleep(600)
    elif path == "/block":
        time.sleep(600)  # the mistake: a blocking call inside an async handler
    elif path == "/later":
        await asyncio.sleep(3)
        body = b"l" * 100_000
    elif path == "/big":
        body = b"b" * BIG
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})

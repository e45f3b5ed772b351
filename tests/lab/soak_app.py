# SPDX-License-Identifier: MIT
"""A healthy service: short and slower answers, long downloads, WebSockets."""
import asyncio

CHUNK = b"d" * 65536


async def http(scope, send):
    path = scope["path"]
    headers = []
    if path == "/slower":
        await asyncio.sleep(8)
    if path != "/download":
        headers = [(b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    while path == "/download":
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
    await send({"type": "http.response.body", "body": b"fine\n"})


async def push(send):
    """News for whoever listens, now and then."""
    while True:
        await asyncio.sleep(20)
        await send({"type": "websocket.send", "text": "news"})


async def websocket(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    pusher = asyncio.ensure_future(push(send)) if scope["path"] == "/push" else None
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            break
        if scope["path"] == "/echo":
            await send({"type": "websocket.send", "text": event.get("text") or ""})
    if pusher:
        pusher.cancel()


async def app(scope, receive, send):
    """A plain ASGI application; uvicorn runs it."""
    if scope["type"] == "http":
        await http(scope, send)
    elif scope["type"] == "websocket":
        await websocket(scope, receive, send)

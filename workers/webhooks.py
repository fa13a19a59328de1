"""Many at once without a thread each: `async def` handlers share one event loop in each consumer process.

sylph run --config workers/webhooks.toml
"""

import asyncio
from urllib.parse import urlsplit

import msgspec

from sylph_mp import App, Context, DeadLetter, Retry

app = App()


class Webhook(msgspec.Struct):
    url: str
    text: str


@app.handler("webhooks")
async def call(webhook: Webhook, ctx: Context) -> Retry | DeadLetter | None:
    """POST a text. While this one waits for its answer, up to `async_calls` others run."""
    url = urlsplit(webhook.url)
    if url.scheme != "http" or url.hostname is None:
        return DeadLetter(f"{webhook.url} is no http address")
    async with asyncio.timeout(ctx.time_left_s):
        status = await post(url.hostname, url.port or 80, url.path or "/", webhook.text.encode())
    return Retry(f"status {status}") if status >= 500 else None


async def post(host: str, port: int, path: str, body: bytes) -> int:
    """The least of HTTP that does it; returns the status. Raises OSError."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        answer = await reader.readline()
        return int(answer.split()[1])
    finally:
        writer.close()

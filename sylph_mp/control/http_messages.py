"""What a path of `control.http` is asked and answers. Pure."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from urllib.parse import parse_qs

from msgspec import Struct


class Request(Struct, frozen=True, kw_only=True):
    query: str = ""
    """What follows the question mark."""
    headers: Mapping[str, str]
    """By names in lower case; of several with one name the last."""

    def parameter(self, name: str) -> str:
        """Its first value in the query, "" for none."""
        return parse_qs(self.query).get(name, [""])[0]


class Response(Struct, frozen=True, kw_only=True):
    """`body` is the whole answer, or its pieces as they come; closed when the client has gone."""

    body: bytes | AsyncGenerator[bytes, None] = b""
    content_type: str = "text/plain; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = {}


Handler = Callable[[Request], Awaitable[Response]]
Routes = Mapping[str, Handler]
"""By path; each is read only."""

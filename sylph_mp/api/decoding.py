"""How a handler's first parameter gets its value from a body. Pure; runs in the worker threads."""

import inspect
import typing
from collections.abc import Callable
from typing import Any

import msgspec

from sylph_mp.api.message import Message


class BodyError(Exception):
    """A body is not what the handler's first parameter says."""


class SignatureError(Exception):
    """A handler's parameters do not say how a body is decoded; the text says what would be right."""


class Signature(msgspec.Struct, frozen=True):
    """What a handler function takes."""

    decode: Callable[[bytes], Any] | None
    """Body to argument, raises BodyError; None: the argument is the `Message` itself."""
    takes_context: bool


def signature_of(function: Callable[..., Any], *, batch: bool) -> Signature:
    """Read a handler's parameters. Raises SignatureError."""
    parameters = list(inspect.signature(function).parameters.values())
    if len(parameters) not in {1, 2}:
        raise SignatureError(f"takes {len(parameters)} parameters; 1 or 2 are due: the body, and a Context")
    try:
        hints = typing.get_type_hints(function)
    except NameError as error:
        raise SignatureError(f"its annotations name what is not there: {error}") from error
    kind = hints.get(parameters[0].name)
    if kind is None:
        raise SignatureError(f"parameter {parameters[0].name} has no type; write bytes, Message or the body's type")
    if batch:
        if typing.get_origin(kind) is not list:
            raise SignatureError(f"takes batches, so parameter {parameters[0].name} is to be a list[...]")
        (kind,) = typing.get_args(kind)
    return Signature(_decoder(kind), len(parameters) == 2)


def _decoder(kind: Any) -> Callable[[bytes], Any] | None:
    if kind is Message:
        return None
    if kind is bytes:
        return bytes
    if kind is str:
        return _decode_text
    try:
        decode = msgspec.json.Decoder(kind).decode
    except TypeError as error:
        raise SignatureError(f"no body can be decoded to {kind}: {error}") from error

    def decode_json(body: bytes) -> Any:
        try:
            return decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BodyError(str(error)) from error

    return decode_json


def _decode_text(body: bytes) -> str:
    try:
        return str(body, "utf-8")
    except UnicodeDecodeError as error:
        raise BodyError(str(error)) from error

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
    """A handler's parameters do not say how a body is decoded; `remedy` are parameters that would."""

    def __init__(self, text: str, *, remedy: str) -> None:
        super().__init__(text)
        self.remedy = remedy


class Signature(msgspec.Struct, frozen=True):
    """What a handler function takes."""

    decode: Callable[[bytes], Any] | None
    """Body to argument, raises BodyError; None: the argument is the `Message` itself."""
    takes_context: bool


def signature_of(function: Callable[..., Any], *, batch: bool) -> Signature:
    """Read a handler's parameters. Raises SignatureError."""
    parameters = list(inspect.signature(function).parameters.values())
    if len(parameters) not in {1, 2}:
        what = f"takes {len(parameters)} parameters; 1 or 2 are due: the body, and a Context"
        raise SignatureError(what, remedy=_remedy(parameters, batch=batch))
    try:
        hints = typing.get_type_hints(function)
    except NameError as error:
        what = f"is annotated with what is not there: {error}"
        raise SignatureError(what, remedy=_remedy(parameters, batch=batch)) from error
    kind = hints.get(parameters[0].name)
    if kind is None:
        what = f"does not say of what type {parameters[0].name} is: bytes, Message or the body's type"
        raise SignatureError(what, remedy=_remedy(parameters, batch=batch))
    if batch:
        if typing.get_origin(kind) is not list:
            what = f"takes batches, so parameter {parameters[0].name} is to be a list"
            raise SignatureError(what, remedy=_remedy(parameters, batch=batch))
        (kind,) = typing.get_args(kind)
    return Signature(_decoder(kind), len(parameters) == 2)


def _remedy(parameters: list[inspect.Parameter], *, batch: bool) -> str:
    """`body: bytes, ctx: Context`, with the names that the function has."""
    names = [parameter.name for parameter in parameters[:2]] or ["body"]
    kinds = ("list[bytes]" if batch else "bytes", "Context")
    return ", ".join(f"{name}: {kind}" for name, kind in zip(names, kinds, strict=False))


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
        what = f"asks for bodies of a type that JSON cannot be decoded to: {error}"
        raise SignatureError(what, remedy="body: bytes") from error

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

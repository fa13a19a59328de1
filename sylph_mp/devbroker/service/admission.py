"""What a SendMessage request must be like: each check answers with RocketMQ's code and text.

Pure. Limits are the defaults of RocketMQ 5.5.0 (ProxyConfig, GrpcValidator, MessageExtEncoder).
"""

import re
from collections.abc import Sequence
from typing import Any

from sylph_mp.devbroker.service.messages import kind_of, milliseconds
from sylph_mp.devbroker.store.record import Kind
from sylph_mp.devbroker.store.refusal import Code, RefusedError

MAX_BODY_BYTES = 4 << 20
#: A batch's encoded size may be as much as one body; each message takes this on top of body and properties.
MAX_BATCH_BYTES = MAX_BODY_BYTES
BATCH_OVERHEAD_BYTES = 156
MAX_PROPERTIES = 128
MAX_PROPERTIES_BYTES = 16 << 10
#: Reached is too long already: 63 bytes are the most.
MAX_GROUP_BYTES = 64
MAX_DELAY_MS = 24 * 3600_000
NAME = re.compile(r"[%|a-zA-Z0-9_-]+")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
#: Properties that RocketMQ keeps its own fields in (MessageConst.STRING_HASH_SET), those that a user might think of.
RESERVED = {"KEYS", "TAGS", "WAIT", "DELAY", "RETRY_TOPIC", "REAL_TOPIC", "UNIQ_KEY", "PGROUP", "TRAN_MSG", "BUYER_ID"}


def check_topic_name(name: str) -> None:
    if not NAME.fullmatch(name):
        text = f"The specified topic[{name}] contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"
        raise RefusedError(Code.ILLEGAL_TOPIC, text)


def check_group_name(name: str) -> None:
    if not NAME.fullmatch(name):
        text = f"the specified group[{name}] contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"
        raise RefusedError(Code.ILLEGAL_CONSUMER_GROUP, text)


def check_request(messages: Sequence[Any], *, accepts: Kind | None, now_ms: int) -> None:
    """`accepts` is the topic's type, None if there is no such topic. Raises RefusedError."""
    for message in messages:
        _check_message(message, now_ms)
    _check_type(messages[0], accepts)
    if len(messages) > 1:
        _check_batch(messages)


def check_same_topic(messages: Sequence[Any]) -> None:
    if not messages:
        raise RefusedError(Code.MESSAGE_CORRUPTED, "no message to send")
    if any(message.topic != messages[0].topic for message in messages):
        raise RefusedError(Code.MESSAGE_CORRUPTED, "topic in message is not same")


def _check_message(message: Any, now_ms: int) -> None:
    system = message.system_properties
    if not message.body:
        raise RefusedError(Code.MESSAGE_BODY_EMPTY, "message body cannot be empty")
    if len(message.body) > MAX_BODY_BYTES:
        raise RefusedError(Code.MESSAGE_BODY_TOO_LARGE, f"message body cannot exceed the max {MAX_BODY_BYTES}")
    if not system.message_id.strip():
        raise RefusedError(Code.ILLEGAL_MESSAGE_ID, "message id cannot be empty")
    if system.HasField("tag"):
        _check_text("tag", system.tag, Code.ILLEGAL_MESSAGE_TAG)
        if "|" in system.tag:
            raise RefusedError(Code.ILLEGAL_MESSAGE_TAG, "tag cannot contain '|'")
    for key in system.keys:
        _check_text("key", key, Code.ILLEGAL_MESSAGE_KEY)
    _check_properties(message)
    if system.HasField("message_group"):
        _check_text("message group", system.message_group, Code.ILLEGAL_MESSAGE_GROUP)
        if len(system.message_group.encode()) >= MAX_GROUP_BYTES:
            raise RefusedError(Code.ILLEGAL_MESSAGE_GROUP, f"message group exceed the max size {MAX_GROUP_BYTES}")
    if milliseconds(system.delivery_timestamp) - now_ms > MAX_DELAY_MS:
        text = f"the max delay time of message is too large, max is {MAX_DELAY_MS}"
        raise RefusedError(Code.ILLEGAL_DELIVERY_TIME, text)


def _check_text(what: str, text: str, code: Code) -> None:
    if not text.strip(" "):
        raise RefusedError(code, f"{what} cannot be the char sequence of whitespace")
    if CONTROL.search(text):
        raise RefusedError(code, f"{what} cannot contain control character")


def _check_properties(message: Any) -> None:
    properties = message.user_properties
    if len(properties) > MAX_PROPERTIES:
        text = f"too many user properties, max is {MAX_PROPERTIES}"
        raise RefusedError(Code.MESSAGE_PROPERTIES_TOO_LARGE, text)
    for key in properties:
        if key in RESERVED:
            raise RefusedError(Code.ILLEGAL_MESSAGE_PROPERTY_KEY, f"property is used by system: {key}")
        if CONTROL.search(key):
            raise RefusedError(
                Code.ILLEGAL_MESSAGE_PROPERTY_KEY, "the key of property cannot contain control character"
            )
    if _properties_bytes(message) > MAX_PROPERTIES_BYTES:
        text = f"the total size of user property is too large, max is {MAX_PROPERTIES_BYTES}"
        raise RefusedError(Code.MESSAGE_PROPERTIES_TOO_LARGE, text)


def _properties_bytes(message: Any) -> int:
    texts = [*message.user_properties, *message.user_properties.values(), *message.system_properties.keys]
    return sum(len(text.encode()) for text in [*texts, message.system_properties.tag])


def _check_type(message: Any, accepts: Kind | None) -> None:
    """Only the first message of a batch is looked at, as in RocketMQ."""
    kind = kind_of(message)
    if kind is not accepts:
        expected = accepts.name if accepts else "UNSPECIFIED"
        text = f"TopicMessageType validate failed, the expected type is {expected}, but actual type is {kind.name}"
        raise RefusedError(Code.MESSAGE_PROPERTY_CONFLICT_WITH_TYPE, text)


def _check_batch(messages: Sequence[Any]) -> None:
    kinds = {kind_of(message) for message in messages}
    if Kind.DELAY in kinds:
        raise RefusedError(Code.INTERNAL_SERVER_ERROR, "Delayed messages are not supported for batching.")
    if kind_of(messages[0]) is Kind.TRANSACTION:
        text = "the message is illegal, maybe msg body or properties length not matched."
        raise RefusedError(Code.INTERNAL_SERVER_ERROR, text)
    size = sum(len(message.body) + _properties_bytes(message) + BATCH_OVERHEAD_BYTES for message in messages)
    if size > MAX_BATCH_BYTES:
        raise RefusedError(Code.INTERNAL_SERVER_ERROR, "message body size exceeded.")

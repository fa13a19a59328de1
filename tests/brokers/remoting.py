"""Creates topics and groups on a real broker over RocketMQ's remoting protocol, 5 ms each where mqadmin needs 1.5 s.

    length u32 | header length u24 (its top byte 0: JSON) | header | body        all big-endian, length without itself

Request codes: RequestCode of apache/rocketmq. Used by the fixtures and tests, in any thread.
"""

import json
import re
import socket
import struct
import time
from typing import Any

UPDATE_AND_CREATE_TOPIC = 17
GET_MAX_OFFSET = 30
GET_BROKER_CLUSTER_INFO = 106
UPDATE_AND_CREATE_SUBSCRIPTIONGROUP = 200
READ_WRITE = 6
REGISTERED_S = 30.0


class RemotingError(Exception):
    """The server answered with a code other than 0."""


class Admin:
    """Knows a namesrv; every call is a connection of its own to it or to its only broker."""

    def __init__(self, namesrv: str) -> None:
        self._namesrv = namesrv

    def create_topic(self, name: str, *, kind: str, queues: int) -> None:
        """`kind` is the RocketMQ message type: NORMAL, FIFO, DELAY, TRANSACTION."""
        fields = {
            "topic": name,
            "defaultTopic": "TBW102",
            "readQueueNums": queues,
            "writeQueueNums": queues,
            "perm": READ_WRITE,
            "topicFilterType": "SINGLE_TAG",
            "topicSysFlag": 0,
            "order": "false",
            "attributes": f"+message.type={kind}",
        }
        self._call(self._broker(), UPDATE_AND_CREATE_TOPIC, fields)

    def create_group(self, name: str, *, fifo: bool, retries: int) -> None:
        group = {"groupName": name, "consumeMessageOrderly": fifo, "retryMaxTimes": retries}
        self._call(self._broker(), UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, json.dumps(group).encode())

    def visible(self, topic: str, *, queues: int) -> int:
        """How many messages its consume queues know of, which are built a moment after a send was answered."""
        broker = self._broker()
        asked = ({"topic": topic, "queueId": queue, "committed": "true"} for queue in range(queues))
        return sum(int(self._answer(broker, GET_MAX_OFFSET, fields)[0]["offset"]) for fields in asked)

    def _broker(self) -> str:
        """A broker that has just started on a busy machine registers after it has said that it is ready."""
        end = time.monotonic() + REGISTERED_S
        while True:
            address = self._registered_broker()
            if address is not None:
                return address
            if time.monotonic() > end:
                raise RemotingError(f"no broker has registered at {self._namesrv} in {REGISTERED_S:g} s")
            time.sleep(0.2)

    def _registered_broker(self) -> str | None:
        # fastjson writes object keys that are numbers without quotes: no JSON parser takes it.
        text = self._call(self._namesrv, GET_BROKER_CLUSTER_INFO, {}).decode()
        address = re.search(r'"brokerAddrs":\{0:"([^"]+)"', text)
        return address.group(1) if address else None

    def _call(self, address: str, code: int, fields: dict[str, Any], body: bytes = b"") -> bytes:
        return self._answer(address, code, fields, body)[1]

    def _answer(
        self, address: str, code: int, fields: dict[str, Any], body: bytes = b""
    ) -> tuple[dict[str, str], bytes]:
        """Fields and body."""
        header = {
            "code": code,
            "extFields": {key: str(value) for key, value in fields.items()},
            "flag": 0,
            "language": "PYTHON",
            "opaque": 1,
            "serializeTypeCurrentRPC": "JSON",
            "version": 481,
        }
        head = json.dumps(header).encode()
        host, port = address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(struct.pack(">II", 4 + len(head) + len(body), len(head)) + head + body)
            with connection.makefile("rb") as stream:
                length, head_length = struct.unpack(">II", stream.read(8))
                answer = json.loads(stream.read(head_length & 0xFFFFFF))
                answer_body = stream.read(length - 4 - (head_length & 0xFFFFFF))
        if answer["code"] != 0:
            raise RemotingError(f"{answer['code']}: {answer.get('remark')}")
        return answer.get("extFields", {}), answer_body

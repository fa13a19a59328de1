"""Which messages of a topic a group wants. Pure."""

from msgspec import Struct
from rocketmq.grpc_protocol import definition_pb2


class Filter(Struct, frozen=True):
    """A tag expression such as `a || b`, or an SQL92 condition on properties."""

    expression: str = "*"
    sql: bool = False

    def to_protobuf(self) -> definition_pb2.FilterExpression:
        kind = definition_pb2.SQL if self.sql else definition_pb2.TAG
        return definition_pb2.FilterExpression(type=kind, expression=self.expression)

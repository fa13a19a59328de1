"""Addresses of proxies: as text in the configuration, as protobuf on the wire. Pure."""

import ipaddress
from collections.abc import Iterable

from msgspec import Struct
from rocketmq.grpc_protocol import definition_pb2


class Address(Struct, frozen=True, order=True):
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


#: Several addresses of one proxy service; any of them will do.
Addresses = tuple[Address, ...]


def parse_address(text: str) -> Address:
    """`host:port` or `[v6]:port`. Raises ValueError; the configuration has checked it before."""
    host, _, port = text.rpartition(":")
    return Address(host.strip("[]"), int(port))


def to_protobuf(addresses: Addresses) -> definition_pb2.Endpoints:
    endpoints = definition_pb2.Endpoints(scheme=_scheme_of(addresses[0].host))
    for address in addresses:
        endpoints.addresses.add(host=address.host, port=address.port)
    return endpoints


def from_protobuf(addresses: Iterable[definition_pb2.Address]) -> Addresses:
    return tuple(Address(address.host, address.port) for address in addresses)


def _scheme_of(host: str) -> int:
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return int(definition_pb2.DOMAIN_NAME)
    return int(definition_pb2.IPv4 if version == 4 else definition_pb2.IPv6)

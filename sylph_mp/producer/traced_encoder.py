"""Puts the current trace context into what is sent. In any process and thread that traces.

It travels as user properties, `traceparent` and `tracestate` (W3C Trace Context) and what else the program's
propagators write, because that is where OpenTelemetry's instrumentation of other clients puts it and looks for it.
"""

from contextlib import suppress

import msgspec
from opentelemetry import propagate

from sylph_mp.errors import OutgoingError
from sylph_mp.producer.encoding import Encoded, Encoder
from sylph_mp.producer.outgoing import Outgoing


class TracedEncoder(Encoder):
    def encode(self, outgoing: Outgoing, now: float, *, transaction: bool = False) -> Encoded:
        """As `Encoder` does; a message that has room for no more properties goes without the context."""
        carrier: dict[str, str] = {}
        if outgoing.trace_parent is None:  # else the caller says which
            propagate.inject(carrier)
        if carrier:
            with suppress(OutgoingError):  # what is wrong without the context too is raised below
                return super().encode(_carrying(outgoing, carrier), now, transaction=transaction)
        return super().encode(outgoing, now, transaction=transaction)


def _carrying(outgoing: Outgoing, carrier: dict[str, str]) -> Outgoing:
    """The context of a message whose properties are passed on is not that of this one: nothing of it stays."""
    stale = propagate.get_global_textmap().fields
    own = {name: value for name, value in outgoing.properties.items() if name not in stale}
    return msgspec.structs.replace(outgoing, properties=own | carrier)

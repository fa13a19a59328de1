"""Makes the encoder for what a program or its handlers send: one that carries trace context if the process traces."""

from sylph_mp.producer.encoding import Encoder
from sylph_mp.producer.outgoing import Limits
from sylph_mp.tracing import traces


def new_encoder(namespace: str) -> Encoder:
    """To be made after a fork, and after the program has set its tracer provider."""
    if not traces():
        return Encoder(namespace, Limits())
    from sylph_mp.producer.traced_encoder import TracedEncoder  # noqa: PLC0415  needs the extra `otel`

    return TracedEncoder(namespace, Limits())

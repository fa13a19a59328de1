"""Says whether this process traces with OpenTelemetry; asked once by each part that is built differently if it does.

What is built otherwise has not heard of traces: without a tracer provider a message costs nothing more.
"""


def traces() -> bool:
    """Whether the program has set a tracer provider; False as well where OpenTelemetry is not installed."""
    try:
        from opentelemetry import trace  # noqa: PLC0415  of the extra `otel`
    except ImportError:
        return False
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider | trace.NoOpTracerProvider)

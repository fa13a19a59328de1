"""Which address an instance is reached at from a command: an embedded broker's is known to its master only."""

from msgspec.structs import replace

from sylph_mp.config.schema import EMBEDDED, Instance
from sylph_mp.control.client import look
from sylph_mp.errors import UsageError


def reachable(instance: Instance, socket: str) -> Instance:
    """The same with an endpoint to connect to. Raises UsageError for an embedded broker that does not run."""
    if EMBEDDED not in instance.endpoints:
        return instance
    for running in look(socket).instances:
        if running.name == instance.name:
            return replace(instance, endpoints=(running.endpoint,))
    raise UsageError(f"instance {instance.name} is an embedded broker that no fleet runs now")

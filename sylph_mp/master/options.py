"""What a master is told besides its configuration. Made by the command that becomes the master."""

from typing import TextIO

from msgspec import Struct

from sylph_mp.logs import Form
from sylph_mp.master.broker_check import Ask

#: What a forked process runs, `module:function`.
CONSUMER = "sylph_mp.consumer.main:run"


class Options(Struct, frozen=True, kw_only=True):
    log_form: Form
    log_level: str
    stacks: TextIO
    """Where SIGUSR1 writes to."""
    entry: str = CONSUMER
    ask: Ask | None = None
    """How a broker is asked what it knows; None: over the wire."""

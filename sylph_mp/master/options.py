"""What a master is told besides its configuration. Made by the command that becomes the master."""

from collections.abc import Callable
from typing import TextIO

from msgspec import Struct

from sylph_mp.control.status import Snapshot
from sylph_mp.logs import Form
from sylph_mp.master.autoscaler import Pace
from sylph_mp.master.broker_check import Ask
from sylph_mp.master.host import HostProbe

#: What a forked process runs, `module:function`.
CONSUMER = "sylph_mp.consumer.main:run"


class Options(Struct, frozen=True, kw_only=True):
    log_form: Form
    stacks: TextIO
    """Where SIGUSR1 writes to."""
    screen: Callable[[Snapshot], str]
    """`sylph status` on a terminal of 80 columns."""
    entry: str = CONSUMER
    ask: Ask | None = None
    """How a broker is asked what it knows; None: over the wire."""
    host: HostProbe | None = None
    """What says how busy the host is; None: the host itself."""
    pace: Pace = Pace()
    """How fast the fleet is scaled."""

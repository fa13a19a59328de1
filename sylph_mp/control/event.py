"""What happened and why, as the master tells it: a log line of its own with a number to go on from.

Made in the master, read in the command's process.
"""

from msgspec import Struct

from sylph_mp.logs import Line


class Event(Struct, frozen=True):
    number: int
    """From 1, without gaps, since the master's start."""
    line: Line

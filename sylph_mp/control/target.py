"""What a verb acts on: the fleet, one slot, or one topic.

Pure; parsed in the command's process, acted on in the master.
"""

from msgspec import Struct

from sylph_mp.errors import UsageError

#: Written before the name of a topic that is called like a number or `fleet`.
TOPIC_MARK = "topic:"


class Fleet(Struct, tag=True, frozen=True):
    def __str__(self) -> str:
        return "fleet"


class Slot(Struct, tag=True, frozen=True):
    number: int

    def __str__(self) -> str:
        return str(self.number)


class Topic(Struct, tag=True, frozen=True):
    name: str

    def __str__(self) -> str:
        marked = self.name == "fleet" or self.name.isdecimal() or self.name.startswith(TOPIC_MARK)
        return TOPIC_MARK + self.name if marked else self.name


Target = Fleet | Slot | Topic


def parse_target(text: str) -> Target:
    """Read a TARGET of the command line; `str` of the result reads the same again. Raises UsageError."""
    if text.startswith(TOPIC_MARK) and len(text) > len(TOPIC_MARK):
        return Topic(text.removeprefix(TOPIC_MARK))
    if text == "fleet":
        return Fleet()
    if text.isascii() and text.isdecimal():
        if int(text) < 1:
            raise UsageError(f"slots are numbered from 1; there is no slot {text}")
        return Slot(int(text))
    if not text:
        raise UsageError("an empty TARGET: fleet, a slot number or a topic name is due")
    return Topic(text)

"""The screen for less than 60 columns: one short line for what matters, the names of the numbers inside. Pure."""

from sylph_mp.cli.screens import slots, topics
from sylph_mp.cli.screens.text import without_middle
from sylph_mp.cli.screens.view import View
from sylph_mp.control.quantities import rate, share, whole_duration
from sylph_mp.control.status import NoteStatus, SlotStatus, Snapshot, TopicStatus
from sylph_mp.control.timestamps import clock_time, parse_rfc3339

#: State and numbers take this at most.
_REST_WIDTH = 40


def narrow_lines(snapshot: Snapshot, view: View) -> list[str]:
    """Slots with something to say, all topics, then how many slots were left out."""
    shown = [slot for slot in slots.worst_first(snapshot) if view.all or not slots.is_usual(slot)]
    room = max(8, (view.width or 80) - _REST_WIDTH)
    quiet = {note.topic: note for note in snapshot.notes if note.code == "topic-quiet"}
    entries = [(f"slot {slot.slot}", slots.slot_state(slot), _slot_numbers(slot)) for slot in shown]
    for topic in topics.worst_first(snapshot):
        name = without_middle(topic.topic, room, cut=view.cut)
        entries.append((name, topics.topic_state(topic), _topic_numbers(topic, quiet.get(topic.topic), snapshot)))
    names, states = (max((len(entry[place]) for entry in entries), default=0) for place in (0, 1))
    lines = []
    for name, state, numbers in entries:
        lines.append(f"{name:{names}}  {view.cell(state, state.ljust(states))}  {numbers}".rstrip())
    left_out = len(snapshot.slots) - len(shown)
    if left_out:
        lines.append(f"{view.cut} {left_out} slot{'s' if left_out > 1 else ''} more, running (--all)")
    return lines


def _slot_numbers(slot: SlotStatus) -> str:
    if slot.rate_per_s is None:
        return f"in flight {slot.in_flight}"
    return f"{rate(slot.rate_per_s) + '/s':7} busy {share(slot.busy_ratio)}"


def _topic_numbers(topic: TopicStatus, note: NoteStatus | None, snapshot: Snapshot) -> str:
    if note is not None:
        since = clock_time(parse_rfc3339(note.since), parse_rfc3339(snapshot.at))
        return f"since {since}" + (f" by {note.by}" if note.by else "")
    speed = "-" if topic.rate_per_s is None else f"{rate(topic.rate_per_s)}/s"
    return f"{speed:7} fail {share(topic.fail_ratio):3} end {whole_duration(topic.end_p99_s)}"

"""`sylph status TOPIC` and `sylph status SLOT`: one row, and all that is known about it. Pure."""

from msgspec.structs import replace

from sylph_mp.cli.screens.calls import call_table
from sylph_mp.cli.screens.overview import joined
from sylph_mp.cli.screens.slots import slot_table
from sylph_mp.cli.screens.text import printable
from sylph_mp.cli.screens.topics import topic_table
from sylph_mp.cli.screens.verdict_lines import first_lines, note_lines, problem_lines
from sylph_mp.cli.screens.view import View
from sylph_mp.control.quantities import UNKNOWN, age, count, share, size, spaced
from sylph_mp.control.status import SlotStatus, Snapshot, TopicStatus

_LABEL = 10


def topic_screen(snapshot: Snapshot, topic: TopicStatus, view: View) -> list[str]:
    problems = [problem for problem in snapshot.problems if problem.topic == topic.topic]
    return joined(
        first_lines(snapshot, view),
        topic_table(replace(snapshot, topics=(topic,)), replace(view, all=view.all or view.width is None)),
        _topic_facts(snapshot, topic),
        _errors(topic),
        [
            *problem_lines(problems, view, calls_above=False),
            *note_lines([n for n in snapshot.notes if n.topic == topic.topic]),
        ],
    )


def slot_screen(snapshot: Snapshot, slot: SlotStatus, view: View) -> list[str]:
    problems = [problem for problem in snapshot.problems if problem.slot == slot.slot]
    return joined(
        first_lines(snapshot, view),
        slot_table(replace(snapshot, slots=(slot,)), view),
        _slot_facts(slot),
        call_table(slot.running, view) if slot.running else ["no handler runs"],
        [
            *problem_lines(problems, view, calls_above=True),
            *note_lines([n for n in snapshot.notes if n.slot == slot.slot]),
        ],
    )


def _topic_facts(snapshot: Snapshot, topic: TopicStatus) -> list[str]:
    numbers = {
        "received": topic.received,
        "acked": topic.acked,
        "retried": topic.retried,
        "dead-lettered": topic.dead,
        "handed back": topic.handed_back,
        "lease over": topic.expired,
        "unshared": topic.unshared,
    }
    return [
        _fact("group", f"{topic.group} on instance {topic.instance}"),
        _fact("shards", _placement(snapshot, topic)),
        _fact("totals", _counts(numbers) or "nothing received since the master's start"),
        _fact("in flight", _in_flight(topic)),
    ]


def _in_flight(topic: TopicStatus) -> str:
    running = f"{count(topic.running)} running"
    if topic.queued is None or topic.held is None:
        return f"{running}; what is queued is unknown while a consumer is silent"
    return f"{running}, {count(topic.queued)} queued, {count(topic.held)} to be settled"


def _placement(snapshot: Snapshot, topic: TopicStatus) -> str:
    placed = [
        f"{shard.rpartition('/')[2]} on slot {slot.slot}"
        for slot in snapshot.slots
        for shard in slot.shards
        if shard.rpartition("/")[0] == topic.topic
    ]
    return ", ".join(sorted(placed, key=lambda text: int(text.split()[0]))) or f"{topic.shards}, none placed"


def _errors(topic: TopicStatus) -> list[str]:
    if not topic.errors:
        return []
    kinds = max(len(error.kind) for error in topic.errors)
    places = max(len(error.place) for error in topic.errors)
    lines = ["errors of the last 10 min, the most frequent first:"]
    for error in topic.errors:
        where = f"{error.kind:{kinds}}  {error.place or UNKNOWN:{places}}"
        lines.append(f"{share(error.share_ratio):>6}  {where}  {printable(error.text)}")
    return lines


def _slot_facts(slot: SlotStatus) -> list[str]:
    process = f"pid {slot.pid}, {slot.threads} threads" if slot.threads is not None else f"pid {slot.pid}"
    numbers = {"received": slot.received, "acked": slot.acked, "retried": slot.retried, "dead-lettered": slot.dead}
    ended = f"{count(slot.restarts)} restarts, {count(slot.crashes)} crashes"
    used = f"{size(slot.buffer_used_bytes)} of {size(slot.buffer_bytes)}"
    return [
        _fact("process", "none" if slot.pid is None else process),
        _fact("heartbeat", UNKNOWN if slot.beat_age_s is None else f"{spaced(age(slot.beat_age_s))} ago"),
        _fact("shards", " ".join(slot.shards) or "none"),
        _fact("totals", _counts(numbers) or "nothing received since the master's start"),
        _fact("buffer", used),
        _fact("ended", ended + (f", the last: {printable(slot.last_exit)}" if slot.last_exit else "")),
    ]


def _fact(label: str, text: str) -> str:
    return f"{label:{_LABEL}} {text}"


def _counts(numbers: dict[str, int]) -> str:
    """What is zero has nothing to say."""
    return ", ".join(f"{count(number)} {name}" for name, number in numbers.items() if number)

"""`sylph status TOPIC` and `sylph status SLOT`: one row, and all that is known about it. Pure."""

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from sylph_mp.cli.screens.calls import call_table
from sylph_mp.cli.screens.overview import joined
from sylph_mp.cli.screens.slots import slot_table
from sylph_mp.cli.screens.sparkline import sparkline
from sylph_mp.cli.screens.table import Column, Row, render
from sylph_mp.cli.screens.text import printable, wrapped
from sylph_mp.cli.screens.topics import topic_table
from sylph_mp.cli.screens.verdict_lines import first_lines, note_lines, problem_lines
from sylph_mp.cli.screens.view import View
from sylph_mp.control.quantities import UNKNOWN, age, count, rate, share, size, spaced
from sylph_mp.control.status import SlotStatus, Snapshot, TopicStatus

_LABEL = 10
#: Bars of a sparkline, one for each minute; and the FAIL that fills one at least, or a single failure would look bad.
_BARS = 15
_FULL_FAIL = 0.1
_ERRORS = (
    Column(name="SHARE"),
    Column(name="ERROR", right=False),
    Column(name="PLACE", right=False, shrinks=True),
    Column(name="TEXT", right=False, wraps=True),
)


def topic_screen(snapshot: Snapshot, topic: TopicStatus, view: View) -> list[str]:
    problems = [problem for problem in snapshot.problems if problem.topic == topic.topic]
    return joined(
        first_lines(snapshot, view),
        topic_table(replace(snapshot, topics=(topic,)), replace(view, all=view.all or view.width is None)),
        _topic_facts(snapshot, topic, view),
        _course(topic, view),
        _errors(topic, view),
        [
            *problem_lines(problems, view, calls_above=False),
            *note_lines([n for n in snapshot.notes if n.topic == topic.topic], view),
        ],
    )


def slot_screen(snapshot: Snapshot, slot: SlotStatus, view: View) -> list[str]:
    problems = [problem for problem in snapshot.problems if problem.slot == slot.slot]
    return joined(
        first_lines(snapshot, view),
        slot_table(replace(snapshot, slots=(slot,)), view),
        _slot_facts(slot, view),
        call_table(slot.running, view) if slot.running else ["no handler runs"],
        [
            *problem_lines(problems, view, calls_above=True),
            *note_lines([n for n in snapshot.notes if n.slot == slot.slot], view),
        ],
    )


def _topic_facts(snapshot: Snapshot, topic: TopicStatus, view: View) -> list[str]:
    numbers = {
        "received": topic.received,
        "acked": topic.acked,
        "retried": topic.retried,
        "dead-lettered": topic.dead,
        "handed back": topic.handed_back,
        "lease over": topic.expired,
        "unshared": topic.unshared,
    }
    facts = {
        "group": f"{topic.group} on instance {topic.instance}",
        "shards": _placement(snapshot, topic),
        "totals": _counts(numbers) or "nothing received since the master's start",
        "in flight": _in_flight(topic),
    }
    return _facts(facts, view)


def _course(topic: TopicStatus, view: View) -> list[str]:
    """RATE and FAIL of the last 15 min; nothing in the first one."""
    rates, fails = topic.minute_rates_per_s, topic.minute_fail_ratios
    highest_fail = max([_FULL_FAIL, *(fail for fail in fails if fail is not None)])
    lines = [
        *_bars("RATE/S", rates, sparkline(rates, _BARS), rate, view),
        *_bars("FAIL", fails, sparkline(fails, _BARS, most=highest_fail), share, view),
    ]
    return ["the last 15 min, a bar a minute:", *lines] if lines else []


def _bars(
    label: str, values: Sequence[float | None], bars: str, shown: Callable[[float], str], view: View
) -> list[str]:
    """With the lowest and the highest of them, where there is room; nothing where nothing is known."""
    known = [value for value in values if value is not None]
    if not known:
        return []
    line = f"{label:{_LABEL}} {bars}"
    span = f"{shown(min(known))} to {shown(max(known))}"
    return [f"{line}  {span}" if view.width is None or len(line) + 2 + len(span) <= view.width else line]


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


def _errors(topic: TopicStatus, view: View) -> list[str]:
    if not topic.errors:
        return []
    rows = [
        Row(
            cells={
                "SHARE": share(error.share_ratio),
                "ERROR": error.kind,
                "PLACE": error.place or UNKNOWN,
                "TEXT": printable(error.text),
            }
        )
        for error in topic.errors
    ]
    table = render(_ERRORS, rows, view, what="")
    return ["errors of the last 10 min, the most frequent first:", *table]


def _slot_facts(slot: SlotStatus, view: View) -> list[str]:
    process = f"pid {slot.pid}, {slot.threads} threads" if slot.threads is not None else f"pid {slot.pid}"
    numbers = {"received": slot.received, "acked": slot.acked, "retried": slot.retried, "dead-lettered": slot.dead}
    ended = f"{count(slot.restarts)} restarts, {count(slot.crashes)} crashes"
    used = f"{size(slot.buffer_used_bytes)} of {size(slot.buffer_bytes)}"
    facts = {
        "process": "none" if slot.pid is None else process,
        "heartbeat": UNKNOWN if slot.beat_age_s is None else f"{spaced(age(slot.beat_age_s))} ago",
        "shards": " ".join(slot.shards) or "none",
        "totals": _counts(numbers) or "nothing received since the master's start",
        "buffer": used,
        "ended": ended + (f", the last: {printable(slot.last_exit)}" if slot.last_exit else ""),
    }
    return _facts(facts, view)


def _facts(facts: Mapping[str, str], view: View) -> list[str]:
    """Each after its label; what does not fit goes on below."""
    indent = " " * (_LABEL + 1)
    return [
        line for label, text in facts.items() for line in wrapped(f"{label:{_LABEL}} {text}", view.width, indent=indent)
    ]


def _counts(numbers: dict[str, int]) -> str:
    """What is zero has nothing to say."""
    return ", ".join(f"{count(number)} {name}" for name, number in numbers.items() if number)

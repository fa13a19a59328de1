"""What to type next for somebody who has just typed what a problem proposes. Pure."""

from msgspec.structs import replace

from sylph_mp.control.status import ProblemStatus, Snapshot

#: By the code of a problem: what shows more of it than `sylph status` does; of the others nothing does.
_MORE = {
    "consumer-hung": "sylph dump {slot}",
    "crash-loop": "sylph events",
    "topic-stalled": "sylph dump",
}


def beyond(snapshot: Snapshot, typed: str) -> Snapshot:
    """What leads further in the place of `typed`, else nothing; the first line has the first that is left."""
    problems = tuple(
        replace(problem, next=_further(problem)) if problem.next == typed else problem for problem in snapshot.problems
    )
    proposed = next((problem.next for problem in problems if problem.next), None)
    return replace(snapshot, problems=problems, next=proposed if snapshot.next == typed else snapshot.next)


def _further(problem: ProblemStatus) -> str:
    """Empty where nothing does."""
    return _MORE.get(problem.code, "").format(slot=problem.slot)

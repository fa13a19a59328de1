"""A run of chaos as a small table, and what is wrong in words."""

from collections.abc import Sequence

from tests.chaos.run import Run

#: Of each kind of violation.
MOST_SHOWN = 10


def figures(run: Run) -> str:
    verdict = run.verdict
    done = ", ".join(f"{what} {times}" for what, times in run.done.items())
    excused = ", ".join(f"{why} {times}" for why, times in sorted(verdict.excused.items())) or "none"
    rows = [
        ("seed", f"{run.seed}, {run.minutes:g} minutes"),
        ("faults", f"{done}; {run.missed} found no victim"),
        ("sent", f"{verdict.sent:,}, and {run.unsure} of which nobody knows"),
        ("handled", f"{verdict.handled:,} in {verdict.calls:,} calls, {verdict.retries} of them asked for another"),
        ("lost", f"{len(verdict.lost)}; all handled {run.settled_s:.0f} s after the last fault"),
        ("", f"{len(verdict.lost_by_broker)} more by the broker, killed when it was to deliver them again"),
        ("released", f"{run.quarantined} from quarantine, which ran at too many kills"),
        ("order", f"{len(verdict.disordered)} broken"),
        ("run twice", f"{sum(verdict.excused.values())} with an excuse: {excused}"),
        ("", f"{len(verdict.unexcused)} without"),
        ("stop", f"exit code {run.exit_code}, {len(run.traces)} things left on the host"),
    ]
    lines = [f"{name:<10}  {text}" for name, text in rows]
    for what, found in (
        ("lost", verdict.lost),
        ("out of order", verdict.disordered),
        ("run twice without an excuse", verdict.unexcused),
        ("left on the host", run.traces),
    ):
        lines += _violations(what, found)
    return "\n".join(lines)


def _violations(what: str, found: Sequence[str]) -> list[str]:
    shown = [f"{what}: {each}" for each in found[:MOST_SHOWN]]
    if len(found) > MOST_SHOWN:
        shown.append(f"{what}: {len(found) - MOST_SHOWN} more")
    return shown

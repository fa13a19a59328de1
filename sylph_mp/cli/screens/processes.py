"""`sylph dump`: what each thread of a consumer runs, and its calls. Reads source files."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from sylph_mp.cli.screens.calls import call_line
from sylph_mp.cli.screens.stacks import stack_lines
from sylph_mp.cli.screens.view import View
from sylph_mp.control.quantities import seconds, spaced
from sylph_mp.control.stacks import ProcessStacks, ThreadStacks

#: What a thread is that is not of the WorkerPool, by a file that is among its calls.
_OTHERS = (("sylph_mp/consumer/async_calls.py", "loop of async handlers"), ("sylph_mp/consumer/main.py", "loop"))
#: Calls that are shown of a thread without a handler.
_INNERMOST = 3


def process_screen(process: ProcessStacks, view: View, *, folder: str, now: float) -> list[str]:
    """`folder` is where the app's files are."""
    head = f"slot {process.slot}, pid {process.pid}, up {spaced(seconds(process.uptime_s))}"
    lines = [f"{head}: {process.error or _count(process)}"]
    lines += [call_line(call, view) for call in process.async_running]
    started_at = now - process.uptime_s
    for threads in _alike(process.threads):
        lines += [view.paint(line, "dim") if not threads[0].running else line for line in _who(threads, view)]
        lines += [f"  {line}" for line in _stack(threads[0], view, folder, started_at)]
    return lines


def _stack(thread: ThreadStacks, view: View, folder: str, started_at: float) -> list[str]:
    """Of a thread without a handler only where it is; of one that waits for work not even that."""
    lines = stack_lines("\n".join(thread.calls), folder=folder, unchanged_since=started_at)
    if thread.running or view.all:
        return lines
    return lines[-_INNERMOST:] if thread.thread is None else []


def _count(process: ProcessStacks) -> str:
    pool = [thread for thread in process.threads if thread.thread is not None]
    busy = sum(bool(thread.running) for thread in pool)
    others = len(process.threads) - len(pool)
    return f"{busy} of {len(pool)} threads run a handler; {others} other{'s' * (others != 1)}"


def _alike(threads: Sequence[ThreadStacks]) -> Iterator[list[ThreadStacks]]:
    """Those with something to run each, the busy first; those that wait at the same place together."""
    for thread in threads:
        if thread.running:
            yield [thread]
    for _, waiting in groupby((thread for thread in threads if not thread.running), key=_place):
        yield list(waiting)


def _place(thread: ThreadStacks) -> tuple[str, ...]:
    return ("idle",) if thread.thread is not None else (str(thread.ident),)


def _who(threads: Sequence[ThreadStacks], view: View) -> list[str]:
    first = threads[0]
    if first.running:
        return [call_line(call, view) for call in first.running]
    if first.thread is not None:
        numbers = ", ".join(str(thread.thread) for thread in threads)
        return [f"thread{'s' * (len(threads) > 1)} {numbers}: no handler"]
    return [next((label for file, label in _OTHERS if any(file in call for call in first.calls)), "another thread")]

"""What faulthandler writes in a dying process of this Python names the thread that was guilty, and its calls."""

import signal
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.master.faulthandler_dump import Dump, parse_dump

#: A thread that dies in `guilty`, beside one that waits in `innocent`; it says first which number is whose.
VICTIM = """
import ctypes, faulthandler, os, signal, sys, threading

faulthandler.enable(all_threads=True)
faulthandler.register(signal.SIGUSR1, all_threads=True, chain=False)

def innocent():
    print("innocent", threading.get_ident(), flush=True)
    never.acquire()

def guilty():
    while sys._current_frames()[other.ident].f_lineno != 9: pass
    print("guilty", threading.get_ident(), flush=True)
    {deed}

never = threading.Lock()
never.acquire()
other = threading.Thread(target=innocent, daemon=True)
other.start()
thread = threading.Thread(target=guilty)
thread.start()
thread.join()
"""


def died(deed: str) -> tuple[Dump, dict[str, int], int]:
    """What it wrote, the numbers of its threads, and its exit code."""
    done = subprocess.run(
        [sys.executable, "-c", VICTIM.format(deed=deed)], capture_output=True, text=True, check=False, timeout=50
    )
    idents = {name: int(ident) for name, ident in (line.split() for line in done.stdout.splitlines())}
    return parse_dump(done.stderr), idents, done.returncode


def test_a_segmentation_fault_names_its_thread() -> None:
    dump, idents, code = died("ctypes.string_at(0)")

    assert code == -signal.SIGSEGV
    assert dump.reason == "Segmentation fault"
    assert dump.current_ident == idents["guilty"]
    assert "in string_at" in dump.threads[idents["guilty"]][0]
    assert dump.threads[idents["guilty"]][1] == "<string>:14 in guilty"
    assert dump.threads[idents["innocent"]][0] == "<string>:9 in innocent"


def test_an_abort_names_its_thread() -> None:
    dump, idents, code = died("os.abort()")

    assert code == -signal.SIGABRT
    assert dump.reason == "Aborted"
    assert dump.current_ident == idents["guilty"]
    assert dump.threads[idents["guilty"]][0] == "<string>:14 in guilty"


def test_stacks_that_were_asked_for_have_no_reason() -> None:
    dump, idents, code = died("signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)")

    assert (code, dump.reason, dump.current_ident) == (0, "", idents["guilty"])
    assert dump.threads[idents["innocent"]][0] == "<string>:9 in innocent"


def test_of_several_dumps_the_last_holds() -> None:
    deed = "[signal.pthread_kill(threading.get_ident(), signal.SIGUSR1) for _ in 'two']; os.abort()"
    dump, idents, _ = died(deed)

    assert (dump.reason, dump.current_ident) == ("Aborted", idents["guilty"])
    assert dump.threads[idents["innocent"]].count("<string>:9 in innocent") == 1


def test_a_fatal_error_of_the_interpreter_is_one() -> None:
    dump, idents, code = died("ctypes.pythonapi.Py_FatalError(b'out of order')")

    assert code == -signal.SIGABRT
    assert "out of order" in dump.reason
    assert dump.current_ident == idents["guilty"]


def test_a_later_python_tells_the_names_of_threads_too() -> None:
    dump = parse_dump(
        "Timeout (0:00:01)!\n"
        "Thread 0x00007f01 [worker 1] (most recent call first):\n"
        '  File "/srv/a "b".py", line ??? in <lambda>\n'
        "Current thread 0x0000000000000002 [main] (most recent call first):\n"
        "  <no Python frame>\n"
        "\n"
        '  File "/elsewhere.py", line 1 in lost\n'
    )

    assert dump == Dump("Timeout (0:00:01)", 2, {0x7F01: ['/srv/a "b".py:??? in <lambda>'], 2: []})


def test_nothing_written_is_nothing_known() -> None:
    assert parse_dump("") == parse_dump("Killed\nTraceback (most recent call last):\n") == Dump("", None, {})


names = st.text(st.characters(codec="ascii", exclude_categories=("C",)), min_size=1).filter(
    lambda name: '"' not in name
)
frames = st.lists(st.tuples(names, st.integers(1, 10**6), names), max_size=5)


@given(st.dictionaries(st.integers(1, 2**64 - 1), frames, min_size=1, max_size=5), names, st.data())
def test_every_call_of_every_thread_is_found_again(
    threads: dict[int, list[tuple[str, int, str]]], reason: str, data: st.DataObject
) -> None:
    current = data.draw(st.sampled_from(sorted(threads)))
    text = f"Fatal Python error: {reason}\n\n"
    for ident, calls in threads.items():
        text += f"{'Current thread' if ident == current else 'Thread'} 0x{ident:016x} (most recent call first):\n"
        text += "".join(f'  File "{file}", line {line} in {name}\n' for file, line, name in calls) + "\n"

    dump = parse_dump(text + "Extension modules: numpy.core (total: 1)\n")

    told = {ident: [f"{file}:{line} in {name}" for file, line, name in calls] for ident, calls in threads.items()}
    assert dump == Dump(reason, current, told)


@given(st.text())
def test_whatever_is_written_is_no_error(text: str) -> None:
    parse_dump(text)

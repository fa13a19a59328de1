"""How a process ended, in words."""

import pytest

from sylph_mp.master.exit_words import exit_in_words


@pytest.mark.parametrize(
    ("exit_code", "known", "words"),
    [
        (-11, {}, "SIGSEGV (exit -11)"),
        (-9, {}, "SIGKILL (exit -9)"),
        (-40, {}, "signal 40 (exit -40)"),
        (-9, {"memory_limit": 2 << 30}, "SIGKILL by the kernel, out of memory (limit 2.0 GiB)"),
        (3, {}, "exit 3"),
        (1, {"last_words": "ImportError at workers/orders.py:3"}, "exit 1: ImportError at workers/orders.py:3"),
        (None, {}, "unknown"),
    ],
)
def test_words(exit_code, known, words):
    assert exit_in_words(exit_code, **known) == words

"""The lines of outstanding polls, against a model."""

import os
import uuid

from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.shm.layout import POLL_LINES, Geometry
from sylph_mp.shm.polls import ID_BYTES, Polls, PollState
from sylph_mp.shm.segment import Segment

STAMPS = st.integers(0, 2**63 - 1)
IDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=ID_BYTES)
STEPS = st.lists(
    st.tuples(
        st.integers(0, POLL_LINES - 1),
        st.sampled_from(["ask", "ask_again", "arriving", "undo_arriving", "repeat_later", "over"]),
        st.integers(0, 0xFFFF),
        IDS,
        STAMPS,
    )
)


@given(STEPS)
def test_lines_show_what_was_written_last(steps):
    geometry = Geometry(topics=("t",), entries=1, threads=1, arena_bytes=4096)
    segment = Segment.create(f"sylph-test-{uuid.uuid4().hex[:8]}", slot=1, geometry=geometry, master_pid=os.getpid())
    try:
        polls, model = Polls(segment), {}
        for line, step, topic, attempt_id, stamp in steps:
            if (step == "ask") == (line in model):
                continue
            match step:
                case "ask":
                    polls.ask(line, topic, attempt_id, stamp)
                    model[line] = [PollState.OUTSTANDING, topic, attempt_id, stamp, 0]
                case "ask_again":
                    polls.ask_again(line, stamp)
                    model[line][0], model[line][3], model[line][4] = PollState.OUTSTANDING, stamp, 0
                case "arriving":
                    polls.arriving(line, stamp)
                    model[line][0], model[line][4] = PollState.ARRIVING, stamp
                case "undo_arriving":
                    polls.undo_arriving(line)
                    model[line][0], model[line][4] = PollState.OUTSTANDING, 0
                case "repeat_later":
                    polls.repeat_later(line)
                    model[line][0], model[line][4] = PollState.TO_REPEAT, 0
                case "over":
                    polls.over(line)
                    del model[line]
        shown = {
            poll.line: [poll.state, poll.topic, poll.attempt_id, poll.asked_ns, poll.arrived_ns]
            for poll in polls.scan()
        }
        assert shown == model
    finally:
        segment.close()
        segment.unlink()

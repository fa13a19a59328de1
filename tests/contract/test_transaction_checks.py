"""A transaction that nobody has ended is resolved by a checker, in whatever process publishes the topic."""

import asyncio
import multiprocessing
import os
import signal
import threading

import pytest

from sylph_mp.producer import AsyncProducers, Producers, Resolution


def _die_in_between(endpoint, topic):
    """Half messages, and then the end of the process."""
    producers = Producers(endpoint)
    tx = producers.transaction(topic).transaction()
    for body in (b"commit", b"rollback", b"unknown"):
        tx.send(body, tag=body.decode())
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_checker_in_another_process_resolves_what_a_killed_sender_left(broker, place):
    here = place("TRANSACTION")
    asked = {}
    all_asked = threading.Event()

    def check(message):
        assert message.tag == message.body.decode()
        asked[message.body] = asked.get(message.body, 0) + 1
        if asked.get(b"unknown", 0) >= 2 and len(asked) == 3:
            all_asked.set()
            return Resolution.COMMIT
        return {b"commit": Resolution.COMMIT, b"rollback": Resolution.ROLLBACK}.get(message.body, Resolution.UNKNOWN)

    child = multiprocessing.get_context("spawn").Process(target=_die_in_between, args=(broker.endpoint, here.topic))
    child.start()
    child.join(30)
    assert child.exitcode == -signal.SIGKILL
    with Producers(broker.endpoint, checker=check) as producers:
        with producers.transaction(here.topic).transaction() as tx:  # whoever publishes the topic is asked
            tx.send(b"own")
        assert all_asked.wait(100)
        bodies = {message.body for message in here.collect(3, within=20)}
    assert bodies == {b"own", b"commit", b"unknown"}
    assert (asked[b"commit"], asked[b"rollback"]) == (1, 1)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_checker_that_fails_is_asked_again(broker, place, caplog):
    here = place("TRANSACTION")
    asked = []
    asked_again = asyncio.Event()

    async def check(message):
        asked.append(message.id)
        if len(asked) == 1:
            raise ZeroDivisionError
        asked_again.set()
        return Resolution.COMMIT

    async def run():
        async with AsyncProducers(broker.endpoint, checker=check) as producers:
            tx = producers.transaction(here.topic).transaction()
            await tx.send(b"x")
            async with asyncio.timeout(100):
                await asked_again.wait()
            return await asyncio.to_thread(here.collect, 1)  # the answer is on its way yet

    messages = asyncio.run(run())
    assert "checker failed" in caplog.text
    assert [message.body for message in messages] == [b"x"]

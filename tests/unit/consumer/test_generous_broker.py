"""A broker that gives more than was asked for gets what has no place back by its leases, and receiving goes on."""

from sylph_mp.shm.vitals import read_vitals
from tests.unit.consumer.serving import GEOMETRY, Running, app_with, messages, play


def test_more_than_was_asked_for_ends_no_receiver():
    def take(body: bytes) -> None: ...

    async def story(consumer: Running) -> None:
        session = consumer.session
        asked = session.receive
        given = messages(2 * GEOMETRY.entries)

        async def generous(topic: str, *, batch: int, lease_s: float, attempt_id: str):
            await asked(topic, batch=batch, lease_s=lease_s, attempt_id=attempt_id)
            session.receive = asked
            return given

        session.receive = generous
        consumer.assign()
        await consumer.until(lambda: session.acked)
        taken = session.batches[0]
        await consumer.until(lambda: len(session.acked) == taken)
        session.put(*messages(40))
        await consumer.until(lambda: len(session.acked) == taken + 40)
        drained = await consumer.drain()
        assert drained.left == 0
        counters = read_vitals(consumer.segment).counters["orders"]
        assert (counters["received"], counters["expired"]) == (taken + 40, len(given) - taken)

    play(app_with(take), story)

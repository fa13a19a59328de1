import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from sylph_mp.control.event import Event
from sylph_mp.control.history import History
from sylph_mp.control.page.feed import Place, mark_of
from sylph_mp.control.page.streams import MAX_READERS
from sylph_mp.logs import Line
from tests.unit.control.observed import NOW, observation, slot
from tests.unit.control.serving import Served
from tests.unit.turns import turns


def line(event, *, level="info", **fields):
    at = datetime(2026, 3, 14, 13, 6, tzinfo=UTC)
    return Line(at=at, level=level, who="master", event=event, text=f"{event} it is", fields=fields)


def a_second(served, number):
    served.timeline.record(replace(observation(slot(1)), now=NOW + number), History())


@asynccontextmanager
async def stream(session, *, after="", headers=None):
    """What a page reads: (id, data) one after the other."""
    async with session.get("/events", params={"after": after}, headers=headers or {}) as response:

        async def message():
            place = ""
            while True:
                text = (await response.content.readline()).decode()
                if not text:
                    raise EOFError
                key, _, value = text.rstrip("\n").partition(": ")
                place = value if key == "id" else place
                if key == "data":
                    return place, json.loads(value)

        message.response = response
        yield message


def run(work, **served):
    async def within():
        master = Served(**served)
        async with master.open() as session:
            async with asyncio.timeout(20):
                return await work(master, session)

    return asyncio.run(within())


async def until_readers(master, count):
    while True:
        if master.streams.readers == count:
            return
        await turns()


def numbers(news):
    return [point[0] for point in news["points"]]


def test_a_page_that_comes_back_gets_what_it_missed():
    async def work(master, session):
        for second in range(10):
            a_second(master, second)
        master.happened = [Event(1, line("crash")), Event(2, line("adopted"))]
        async with stream(session, after="10006.1") as message:
            by_address = await message()
        async with stream(session, after="0.0", headers={"Last-Event-ID": "10008.2"}) as message:
            by_browser = await message()
        return by_address, by_browser

    (place, news), (_, later) = run(work)
    assert place == "10009.2"
    assert numbers(news) == [10007, 10008, 10009]
    assert [event["event"] for event in news["happened"]] == ["adopted"]
    assert news["status"]["schema"] == "sylph.status/1"
    assert (numbers(later), later["happened"]) == ([10009], [])


def test_all_get_the_same_and_it_is_made_once():
    async def work(master, session):
        async with stream(session) as first, stream(session) as second:
            for second_of_it in range(20):
                a_second(master, second_of_it)
                news = await first(), await second()
            assert all(numbers(each[1]) for each in news)
            return master.looks

    assert run(work) < 30


def test_one_page_too_many_is_told_to_come_later():
    async def work(master, session):
        waiting = [await session.get("/events") for _ in range(MAX_READERS)]
        async with session.get("/events") as refused:
            answer = refused.status, refused.headers["Retry-After"]
        waiting[0].close()
        async with asyncio.timeout(5):
            while True:
                async with session.get("/events") as admitted:
                    if admitted.status == 200:
                        break
        for each in waiting:
            each.close()
        return answer

    assert run(work) == (503, "5")


def test_who_does_not_read_is_dropped_and_the_others_are_not():
    async def work(master, session):
        master.shown = replace(master.shown, sentence="x" * 4_000_000)
        reader, writer = await asyncio.open_connection(*master.address.split(":"), limit=1024)
        writer.write(b"GET /events HTTP/1.1\r\nHost: there\r\n\r\n")
        await reader.readline()
        async with stream(session) as message:
            message.response.content._high_water = 1 << 30  # a line may be that long

            async def read_on():
                while True:
                    await message.response.content.readany()

            reading = asyncio.create_task(read_on())
            await until_readers(master, 1)
            left = master.streams.readers, reading.done()
            reading.cancel()
        writer.close()
        return left

    assert run(work) == (1, False)


def test_nothing_is_looked_at_while_nobody_reads():
    async def work(master, session):
        async with stream(session) as message:
            await message()
        await until_readers(master, 0)
        seconds.set_result(None)
        await turns(50)
        return master.looks, begun

    seconds, begun = None, 0

    async def pause():
        nonlocal seconds, begun
        begun += 1
        seconds = asyncio.get_running_loop().create_future()
        await seconds

    # One look for the page as it comes, one as the second ends in which it has gone, and no second after that.
    assert run(work, pause=pause) == (2, 1)


def test_a_bug_met_by_looking_ends_no_stream():
    async def work(master, session):
        async with stream(session) as message:
            await message()
            shown, master.shown = master.shown, None
            master.happened = "no events"
            met = master.looks + 2
            while master.looks < met:
                await turns()
            master.shown, master.happened = shown, ()
            a_second(master, 0)
            while not numbers((await message())[1]):
                pass
            return True

    assert run(work)


def test_a_stop_does_not_wait_for_readers():
    async def work():
        master = Served()
        async with master.open() as session:
            response = await session.get("/events")
            async with asyncio.timeout(0.5):
                await master.server.stop()
            response.close()

    asyncio.run(work())


def test_everything_at_first():
    async def work(master, session):
        for second in range(3):
            a_second(master, second)
        master.happened = [Event(number, line("scale", **{"from": 1, "to": 2})) for number in range(1, 301)]
        async with session.get("/history.json") as response:
            return await response.json()

    beginning = run(work)
    assert beginning["place"] == "10002.300"
    assert [dict(zip(beginning["columns"], point, strict=True))["number"] for point in beginning["seconds"]] == [
        10000, 10001, 10002,
    ]  # fmt: skip
    assert len(beginning["minutes"]) == 1
    assert len(beginning["happened"]) == 200
    assert beginning["happened"][0]["mark"] == "grow"


@pytest.mark.parametrize("text", ["", "5", "1.x", "-1.2", "٣.٤", "1" * 50 + ".1"])
def test_a_place_that_is_none_is_the_beginning(text):
    assert Place.parse(text) == Place()


def test_a_place_comes_back_as_it_was():
    assert Place.parse(str(Place(9000, 41))) == Place(9000, 41)


@pytest.mark.parametrize(
    ("said", "mark"),
    [
        (line("scale", **{"from": 2, "to": 4}), "grow"),
        (line("scale", **{"from": 2, "to": 1}), "shrink"),
        (line("scale", threads=16, **{"from": 2, "to": 2}), None),
        (line("scale", limit="memory"), None),
        (line("crash", level="warn"), "crash"),
        (line("gave-up", level="error"), "crash"),
        (line("quiet"), "quiet"),
        (line("start"), "start"),
        (line("start", level="error"), None),
        (line("adopted"), None),
    ],
)
def test_what_is_marked_in_the_plots(said, mark):
    assert mark_of(said) == mark

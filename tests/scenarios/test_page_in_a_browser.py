"""The page at control.http shows in a browser what `sylph status` shows, live, on any screen, and asks nobody else."""

import asyncio
import os
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from sylph_mp.control import quantities
from sylph_mp.control.page.streams import EACH_SECOND, MAX_READERS
from tests.browser.chromium import Chromium, find_chromium
from tests.browser.shown import HOSTILE, SECOND, ShownTimeline, degraded, events
from tests.unit.cli import snapshots
from tests.unit.control.serving import Served

#: Each value that a format may treat in its own way, and its neighbours.
VALUES = [
    *(0, 0.04, 0.05, 0.25, 0.35, 0.75, 2.5, 9.94, 9.95, 9.96, 97.5, 98.5, 994, 999.4, 999.5, 1000, 1234.5),
    *(9994, 9995, 99_949, 99_950, 999_499, 999_500, 1e6, 5.5e8, 1.2e9, 3e13, 86399, 86400, 3661.5, 59.4, 59.5),
    *(1e-5, 0.00099, 0.001, 0.0025, 0.0035, 0.00994, 0.00995, 0.0105, 0.09, 0.1, 0.9994, 0.9995, 9.949),
]
FORMATS = ("rate", "duration", "whole_duration", "age", "seconds", "size", "share")


@pytest.fixture(scope="session")
def chromium():
    """A browser; where none is, the tests are skipped, but fail where CI is set."""
    found = find_chromium()
    if found is None and "CI" not in os.environ:
        pytest.skip("the page is tested where a Chromium is: apt-get install chromium-headless-shell")
    assert found, "CI has no Chromium"
    with Chromium(found) as browser:
        yield browser


class Page:
    """A served fleet that goes on, and a tab that shows it."""

    def __init__(self, served, tab):
        self.served = served
        self.tab = tab


def run(work, chromium, **tab_options):
    @asynccontextmanager
    async def opened():
        served = Served(shown=degraded(), timeline=ShownTimeline(), pause=EACH_SECOND)
        served.happened = events()
        served.text = "degraded: slot 3 & more"
        async with served.open(), chromium.tab(**tab_options) as tab:
            await tab.go(served.url + "/")
            yield Page(served, tab)

    async def within():
        async with opened() as page:
            result = await work(page)
            assert not page.tab.complaints
            assert all(url.startswith(page.served.url) for url in page.tab.requests), page.tab.requests
            return result

    return asyncio.run(within())


LIVE = "document.getElementById('age').textContent === 'live · 1 s'"


def rows(table):
    """The texts of its cells."""
    cells = "[...row.cells].map((cell) => cell.textContent)"
    return f"[...document.querySelectorAll('{table} tbody tr')].map((row) => {cells})"


def test_it_shows_what_status_shows(chromium):
    async def work(page):
        await page.tab.until(LIVE)
        return (
            await page.tab.evaluate("document.getElementById('sentence').textContent"),
            await page.tab.evaluate(rows("#topics")),
            await page.tab.evaluate(rows("#slots")),
            await page.tab.evaluate("document.getElementById('problems').innerText"),
            await page.tab.evaluate("document.title"),
            await page.tab.evaluate("document.getElementById('icon').href"),
        )

    sentence, topics, slots, problems, title, icon = run(work, chromium)
    assert sentence == "degraded: slot 3 shows no heartbeat for 12 s, kill at 15 s; 2 more problems"
    assert [row[:2] for row in slots] == [["3", "hung 12s!"], ["2", "stuck!"], ["1", "running"], ["4", "running"]]
    assert [row[1] for row in topics] == ["failing!", "running", "quiet"]
    assert topics[1][3:6] == ["580", "", "0%"]
    assert "slot 2 thread 5: charge runs 1m37s, limit 30 s next: sylph recycle 2" in problems
    assert "refunds is quiet since 09:14 (2h10m) by root next: sylph start refunds" in problems
    assert title == "! slot 3: no heartbeat for 12 s · orders-service"
    assert icon.endswith("icon-degraded.svg")


def test_what_others_wrote_stays_text(chromium):
    async def work(page):
        await page.tab.until(LIVE)
        return (
            await page.tab.evaluate("document.querySelectorAll('img, #happened li b').length"),
            await page.tab.evaluate(rows("#topics")),
            await page.tab.evaluate("document.querySelector('#happened li').textContent"),
        )

    injected, topics, newest = run(work, chromium)
    assert injected == 0
    assert topics[0][0] == f"orders{HOSTILE}"
    assert HOSTILE in newest


def test_it_goes_on_by_itself(chromium):
    async def work(page):
        await page.tab.until(LIVE)
        page.served.timeline.newest_shown += 1
        page.served.shown = snapshots.healthy()
        await page.tab.until("document.getElementById('verdict').className === 'healthy'")
        await page.tab.until(f"newest().number === {SECOND + 1}")
        await page.tab.until(
            "document.querySelectorAll('#slots tbody tr td:nth-child(2)')[0].textContent === 'running'"
        )
        return await page.tab.evaluate("document.getElementById('next').textContent + document.title")

    assert run(work, chromium) == "orders-service"


def test_a_lost_master_is_said_and_nothing_is_made_up(chromium):
    async def work(page):
        await page.tab.until(LIVE)
        await page.served.server.stop()
        await page.tab.until("document.getElementById('age').textContent.startsWith('lost for ')")
        page.tab.complaints.clear()  # of refused connections, rightly
        return await page.tab.evaluate("newest().number")

    assert run(work, chromium) == SECOND


def test_the_plots_have_lines_gaps_and_marks_with_their_sentences(chromium):
    async def work(page):
        await page.tab.until(LIVE)
        await page.tab.until("document.querySelectorAll('#plots figure .a').length >= 4")
        return (
            await page.tab.evaluate("document.querySelector('svg.plot path.a').getAttribute('d').match(/M/g).length"),
            await page.tab.evaluate("[...document.querySelectorAll('svg.plot rect title')].map((t) => t.textContent)"),
            await page.tab.evaluate("[...document.querySelectorAll('.mark')].map((mark) => mark.lastChild.data)"),
            await page.tab.evaluate("[...document.querySelectorAll('.mark')].every((mark) => mark.tabIndex === 0)"),
            await page.tab.evaluate("document.querySelector('.mark.grow').getAttribute('aria-label')"),
            await page.tab.evaluate("document.querySelectorAll('figcaption')[1].textContent"),
        )

    pieces, stretches, signs, focusable, sentence, summary = run(work, chromium)
    assert pieces == 2, "a gap is a gap"
    assert stretches[:2] == ["quiet", "unknown"]
    assert signs == ["○", "●", "▲", "\u00d7"]
    assert focusable
    assert sentence.endswith("master: scale: wait p99 810 ms, above 500 ms for 10 s")
    assert summary.startswith("p99 1.4 s now, at most 1.4 s at ")


def test_a_plot_can_be_read_as_numbers(chromium):
    async def work(page):
        await page.tab.until(LIVE)
        await page.tab.evaluate("document.querySelectorAll('details')[3].open = true")
        await page.tab.until("document.querySelectorAll('details')[3].querySelectorAll('tbody tr').length > 10")
        return await page.tab.evaluate(rows("figure:nth-of-type(4)"))

    consumers = run(work, chromium)
    assert (consumers[0][1], consumers[-1][1]) == ("4", "3")


def test_without_javascript_the_text_of_the_terminal_is_there(chromium):
    async def work(page):
        shown = await page.tab.call("DOM.getDocument", depth=-1)
        return str(shown)

    text = run(work, chromium, script=False)
    assert "degraded: slot 3 & more" in text


@pytest.mark.parametrize("width", [320, 390, 639, 1280])
def test_nothing_scrolls_sideways(chromium, width):
    async def work(page):
        await page.tab.until(LIVE)
        small = await page.tab.evaluate(
            "[...document.querySelectorAll('button, fieldset span, summary')].filter((e) => e.offsetHeight < 44).length"
        )
        return await page.tab.evaluate("document.documentElement.scrollWidth - innerWidth"), small

    beyond, small = run(work, chromium, width=width)
    assert beyond <= 0
    assert small == 0 or width >= 640, "a thumb needs 44 pixels"


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_stands_out_from_its_ground(chromium, dark):
    """WCAG 2.1, 1.4.3: a contrast of 4.5 to 1."""
    script = """(() => {
      const style = getComputedStyle(document.documentElement);
      const light = (name) => {
        const long = style.getPropertyValue(name).trim().slice(1).replace(/^(.)(.)(.)$/, "$1$1$2$2$3$3");
        const parts = long.match(/../g).map((part) => parseInt(part, 16) / 255);
        const [r, g, b] = parts.map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const names = ["--text", "--dim", "--blue", "--orange", "--bad", "--warn", "--good"];
      return names.flatMap((name) => ["--ground", "--raised"].map((ground) => contrast(light(name), light(ground))));
    })()"""

    async def work(page):
        return await page.tab.evaluate(script)

    assert min(run(work, chromium, dark=dark)) >= 4.5


def test_tables_and_verdict_can_be_heard(chromium):
    async def work(page):
        await page.tab.until(LIVE)
        heard = ["[role=status]", "caption", "#topics thead th[scope=col]", "#slots tbody th[scope=row]"]
        return await page.tab.evaluate(f"{heard}.map((each) => document.querySelectorAll(each).length)")

    assert run(work, chromium) == [1, 2, 13, 4]


def test_numbers_are_written_as_the_commands_write_them(chromium):
    async def work(page):
        script = f"{list(FORMATS)}.map((name) => {VALUES}.map((value) => quantities[name](value)))"
        unknown = f"{list(FORMATS)}.map((name) => quantities[name](null))"
        return await page.tab.evaluate(script), await page.tab.evaluate(unknown)

    written, unknown = run(work, chromium)
    for name, texts in zip(FORMATS, written, strict=True):
        assert texts == [getattr(quantities, name)(value) for value in VALUES], name
    assert set(unknown) == {"-"}


def test_a_page_too_many_polls(chromium):
    async def work(page):
        await page.tab.until("document.getElementById('age').textContent.startsWith('polled')")
        page.served.shown = replace(page.served.shown, sentence="and it goes on")
        await page.tab.until("document.getElementById('sentence').textContent.endsWith('and it goes on')")

    async def within():
        served = Served(shown=degraded())
        async with served.open() as session, chromium.tab() as tab:
            others = [await session.get("/events") for _ in range(MAX_READERS)]
            await tab.go(served.url + "/")
            await work(Page(served, tab))
            for other in others:
                other.close()

    asyncio.run(within())

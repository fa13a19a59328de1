import asyncio
from importlib.resources import files

import pytest

from sylph_mp.control import page
from sylph_mp.control.page.document import Document, icons, title
from tests.unit.cli import snapshots
from tests.unit.control.serving import Served

#: ux: the page is to open at once on a phone.
MOST_BYTES = 40_000


def page_files():
    return [file for file in files(page).iterdir() if file.name.startswith("page.")]


def test_the_page_is_small_and_asks_nobody_else():
    assert sorted(file.name for file in page_files()) == ["page.css", "page.html", "page.js"]
    texts = [file.read_text() for file in page_files()]
    assert sum(len(text.encode()) for text in texts) <= MOST_BYTES
    assert not [text for text in texts if "//" in text.replace("http://www.w3.org/2000/svg", "").replace("// ", "")]


def test_the_text_of_the_terminal_is_in_it_as_text():
    document = Document(lambda snapshot: f"{snapshot.verdict}: <script>alert(1)</script> & $title").render(
        snapshots.degraded()
    )
    assert "degraded: &lt;script&gt;alert(1)&lt;/script&gt; &amp; $title</pre>" in document
    assert "<title>! slot 3: no heartbeat for 12 s · orders-service</title>" in document
    assert 'href="icon-degraded.svg"' in document


def test_the_title_of_a_healthy_fleet_is_its_name():
    assert title(snapshots.healthy()) == "orders-service"


def test_icons_differ_by_more_than_colour():
    assert icons().keys() == {"healthy", "degraded", "broken"}
    paths = {svg.split('d="')[1].split('"')[0] for svg in icons().values()}
    assert len(paths) == 3


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
        ("/icon-broken.svg", "image/svg+xml"),
        ("/history.json", "application/json"),
    ],
)
def test_every_part_is_served_with_its_type(path, kind):
    async def ask():
        async with Served().open() as session, session.get(path) as response:
            return response.status, response.content_type, len(await response.read())

    status, content_type, size = asyncio.run(ask())
    assert (status, content_type) == (200, kind)
    assert size > 50

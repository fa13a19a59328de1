"""The app is imported and fits the configuration, or a screen says what does not."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sylph_mp.cli.problems import render_error
from sylph_mp.config.load import load
from sylph_mp.consumer.app_loading import innermost, load_app
from sylph_mp.errors import ConfigError

CONFIG = """\
app = "shop.orders:app"
[instances.default]
endpoints = "embedded"
[consumers]
group = "g"

[topics.orders]
"""
HANDLERS = """\
from sylph_mp import App

app = App()


@app.handler("orders")
def charge(body: bytes) -> None:
    ...
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("")
    (tmp_path / "shop" / "orders.py").write_text(HANDLERS)
    (tmp_path / "config.toml").write_text(CONFIG)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


def screen() -> str:
    config = load("config.toml", environ={}, overrides={})
    with pytest.raises(ConfigError) as caught:
        load_app(config)
    return render_error(caught.value)


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_good_app(folder: Path) -> None:
    app = load_app(load("config.toml", environ={}, overrides={}))
    assert list(app.handlers) == ["orders"]


def test_a_handler_for_a_topic_that_is_not_configured(folder: Path) -> None:
    rewrite(folder / "shop/orders.py", '"orders"', '"order"')
    assert screen() == (
        'shop/orders.py:6:14: error: handler charge: topic "order" is not in config\n'
        '   6 | @app.handler("order")\n'
        '     |              ^^^^^^^ nearest: "orders" (config.toml:7)\n'
        '  fix: @app.handler("orders"), or add [topics.order] to config.toml'
    )


def test_a_topic_without_a_handler(folder: Path) -> None:
    with (folder / "config.toml").open("a") as file:
        file.write("[topics.refunds]\n")
    assert screen() == (
        'config.toml:8:9: error: topic "refunds" has no handler\n'
        "   8 | [topics.refunds]\n"
        "     |         ^^^^^^^\n"
        "  why: shop.orders:app handles orders\n"
        '  fix: @app.handler("refunds") above a function, or remove [topics.refunds]'
    )


def test_an_import_that_fails(folder: Path) -> None:
    rewrite(folder / "shop/orders.py", "\napp = ", "import ledger_of_ours\napp = ")
    assert screen() == (
        "shop/orders.py:2: error: app shop.orders:app cannot be loaded\n"
        "   2 | import ledger_of_ours\n"
        "  why: ModuleNotFoundError: No module named 'ledger_of_ours'\n"
        f"  fix: install it where sylph runs: {sys.executable}"
    )


def test_a_failure_inside_of_a_library_is_shown_where_the_app_calls_it(folder: Path) -> None:
    rewrite(folder / "shop/orders.py", "\napp = ", "import json\njson.loads('{')\napp = ")
    text = screen()
    assert text.startswith("shop/orders.py:3: error: app shop.orders:app cannot be loaded\n   3 | json.loads('{')\n")
    assert "why: json.decoder.JSONDecodeError: Expecting property name" in text


@pytest.mark.parametrize("line", ["def", "raise SystemExit(3)"])
def test_whatever_an_import_does_it_is_an_error_of_the_app(folder: Path, line: str) -> None:
    rewrite(folder / "shop/orders.py", "\napp = ", f"{line}\napp = ")
    text = screen()
    assert text.startswith("shop/orders.py:2:")
    assert f"error: app shop.orders:app cannot be loaded\n   2 | {line}\n" in text


def test_a_module_that_is_not_there(folder: Path) -> None:
    rewrite(folder / "config.toml", "shop.orders", "shop.ordres")
    assert screen().startswith(
        "config.toml:1:7: error: app shop.ordres:app cannot be loaded: there is no module\n"
        "  shop.ordres\n"
        '   1 | app = "shop.ordres:app"\n'
        "     |       ^^^^^^^^^^^^^^^^^ nearest: shop.orders\n"
    )
    assert screen().endswith('\n  fix: app = "shop.orders:app"')


def test_an_attribute_that_is_not_there(folder: Path) -> None:
    rewrite(folder / "config.toml", ":app", ":ap")
    text = screen()
    assert "module shop.orders has no ap " in " ".join(text.split())
    assert text.endswith('\n  fix: app = "shop.orders:app"')


def test_an_attribute_that_is_no_app(folder: Path) -> None:
    rewrite(folder / "config.toml", ":app", ":charge")
    assert "has charge, but it is a function, no App" in " ".join(screen().split())


def test_a_mistake_of_a_handler_is_shown_at_the_handler(folder: Path) -> None:
    rewrite(folder / "shop/orders.py", "body: bytes", "body")
    assert screen() == (
        "shop/orders.py:7:5: error: handler charge does not say of what type body is:\n"
        "  bytes, Message or the body's type\n"
        "   7 | def charge(body) -> None:\n"
        "     |     ^^^^^^\n"
        "  fix: def charge(body: bytes)"
    )


def test_an_error_is_placed_at_the_innermost_line_of_the_app(folder: Path) -> None:
    orders = folder / "shop" / "orders.py"
    orders.write_text(HANDLERS + "import json\n\n\ndef fail():\n    json.loads('{')\n")
    config = load("config.toml", environ={}, overrides={})
    load_app(config)
    with pytest.raises(ValueError, match="Expecting") as caught:
        sys.modules["shop.orders"].fail()
    assert innermost(caught.value, config) == f"shop/orders.py:{len(orders.read_text().splitlines())}"
    assert innermost(KeyError("never raised"), config) == ""

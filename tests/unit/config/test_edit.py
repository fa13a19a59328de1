"""One value is written into a configuration, and nothing else of it changes."""

import pytest

from sylph_mp.config.edit import UneditableError, with_value

TEXT = """\
app = "app:app"  # the handlers

[consumers]
group = "g"
threads = 8          # per process
processes = { min = 1, max = 4 }

[topics.orders]      # what customers want
shards = 4
# nothing more so far

[topics."a.b"]
"""


def edited(path, value):
    """The lines that differ, as they were and as they are."""
    before, after = TEXT.splitlines(), with_value(TEXT, path, value).splitlines()
    return [line for line in before if line not in after], [line for line in after if line not in before]


def test_a_value_is_replaced_on_its_line():
    assert edited(("consumers", "threads"), 16) == (
        ["threads = 8          # per process"],
        ["threads = 16          # per process"],
    )


def test_a_table_on_one_line_is_replaced_as_a_whole():
    assert edited(("consumers", "processes"), 3) == (["processes = { min = 1, max = 4 }"], ["processes = 3"])
    assert edited(("consumers", "processes", "max"), 6)[1] == ["processes = { min = 1, max = 6 }"]
    assert edited(("consumers", "processes"), {"min": 2, "max": 3})[1] == ["processes = { min = 2, max = 3 }"]


def test_a_new_key_comes_to_the_end_of_its_table():
    lines = with_value(TEXT, ("topics", "orders", "rate"), "500/s").splitlines()
    assert lines[lines.index("shards = 4") + 1] == 'rate = "500/s"'
    assert edited(("topics", "orders", "rate"), "500/s") == ([], ['rate = "500/s"'])


def test_an_empty_table_at_the_end_takes_a_key():
    assert with_value(TEXT, ("topics", "a.b", "shards"), 2).endswith('[topics."a.b"]\nshards = 2\n')
    assert with_value(TEXT.rstrip(), ("topics", "a.b", "shards"), 2).endswith('[topics."a.b"]\nshards = 2\n')


def test_a_key_comes_into_a_table_on_one_line_which_is_made_if_need_be():
    path = ("consumers", "recycle", "memory")
    first = with_value(TEXT, path, "1 GiB")
    assert first.splitlines()[6] == 'recycle = { memory = "1 GiB" }'
    second = with_value(first, ("consumers", "recycle", "age_s"), 60)
    assert second.splitlines()[6] == 'recycle = { memory = "1 GiB", age_s = 60 }'
    assert with_value("[consumers]\nrecycle = {}  # never\n", path, 1) == (
        "[consumers]\nrecycle = { memory = 1 }  # never\n"
    )
    assert with_value("topics = { orders = { shards = 4 } }\n", ("topics", "orders", "rate"), "off") == (
        'topics = { orders = { shards = 4, rate = "off" } }\n'
    )


@pytest.mark.parametrize(
    "text",
    ["topics.orders.shards = 4\n", "topics = { orders = [] }\n", "[consumers]\nthreads = 8\n"],
)
def test_what_would_touch_more_is_refused(text):
    with pytest.raises(UneditableError):
        with_value(text, ("topics", "orders", "rate"), "500/s")

import pytest

from sylph_mp.control import quantities


@pytest.mark.parametrize(
    ("per_s", "shown"),
    [
        (None, "-"), (0, "0"), (0.01, "<0.1"), (0.4, "0.4"), (9.94, "9.9"), (9.96, "10"), (97, "97"), (310.4, "310"),
        (999.4, "999"), (999.6, "1.00k"), (1560, "1.56k"), (9996, "10.0k"), (12_000, "12.0k"), (123_456, "123k"),
        (999_600, "1.00M"), (1_200_000, "1.20M"), (3e9, "3.00G"),
    ],
)  # fmt: skip
def test_rate(per_s, shown):
    assert quantities.rate(per_s) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"), (0.0, "0.0ms"), (0.0004, "0.4ms"), (0.0029, "2.9ms"), (0.00996, "10ms"), (0.038, "38ms"),
        (0.9994, "999ms"), (0.9996, "1.0s"), (2.1, "2.1s"), (9.94, "9.9s"), (9.96, "10s"), (47, "47s"),
        (59.6, "1m0s"), (252, "4m12s"), (3599.6, "1h0m"), (7860, "2h11m"), (273_600, "3d4h"),
    ],
)  # fmt: skip
def test_duration(seconds, shown):
    assert quantities.duration(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(None, "-"), (0.0004, "<1ms"), (0.003, "3ms"), (0.41, "410ms"), (1.4, "1.4s")]
)
def test_whole_duration(seconds, shown):
    assert quantities.whole_duration(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(None, "-"), (0.0004, "<1ms"), (0.05, "50ms"), (0.3, "0.3s"), (0.96, "1.0s"), (71, "1m11s")]
)
def test_age(seconds, shown):
    assert quantities.age(seconds) == shown


@pytest.mark.parametrize(
    ("time_s", "shown"),
    [(0.8, "0.8 s"), (47, "47 s"), (119.9, "1 min"), (480, "8 min"), (7860, "2h 11m"), (273_600, "3d 4h")],
)
def test_roughly(time_s, shown):
    assert quantities.roughly(time_s) == shown


@pytest.mark.parametrize(("time_s", "shown"), [(None, "-"), (0.4, "0s"), (6.6, "7s"), (59.6, "1m0s"), (252, "4m12s")])
def test_seconds(time_s, shown):
    assert quantities.seconds(time_s) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, "-"), (0, "0B"), (999, "999B"), (1000, "1.0KiB"), (3_250_586, "3.1MiB"), (19_188_736, "18.3MiB"),
        (118 << 20, "118MiB"), (1000 << 20, "1.0GiB"), (8_375_186_227, "7.8GiB"), (5000 << 40, "5000TiB"),
    ],
)  # fmt: skip
def test_size(count, shown):
    assert quantities.size(count) == shown


@pytest.mark.parametrize(
    ("ratio", "shown"), [(None, "-"), (0.0, "0%"), (0.0001, "<1%"), (0.01, "1%"), (0.66, "66%"), (1.0, "100%")]
)
def test_share(ratio, shown):
    assert quantities.share(ratio) == shown


@pytest.mark.parametrize(("time_s", "shown"), [(5.0, "5s"), (0.5, "500ms"), (2.5, "2.5s"), (90.0, "1m30s")])
def test_setting(time_s, shown):
    assert quantities.setting(time_s) == shown


@pytest.mark.parametrize(("whole", "shown"), [(None, "-"), (0, "0"), (1, "1"), (999, "999"), (1560, "1.56k")])
def test_a_number_of_things_has_no_tenths(whole, shown):
    assert quantities.number(whole) == shown


def test_count_has_commas():
    assert quantities.count(41_200) == "41,200"
    assert quantities.count(None) == "-"


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [("38ms", "38 ms"), ("12s", "12 s"), ("31%", "31 %"), ("<1ms", "<1 ms"), ("118MiB", "118 MiB"),
     ("4m12s", "4m12s"), ("6.21k", "6.21k"), ("-", "-")],
)  # fmt: skip
def test_sentences_have_a_blank_before_a_single_unit(cell, sentence):
    assert quantities.spaced(cell) == sentence

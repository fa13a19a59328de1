"""A kill for want of memory explains one death that is found shortly after it was counted."""

from sylph_mp.master.oom_kills import FRESH_S, OomKills


def test_a_kill_that_was_counted_explains_a_death():
    kills = OomKills(3)
    kills.look(4, 10.0)
    assert kills.claim(10.0)


def test_without_a_kill_nothing_is_explained():
    kills = OomKills(3)
    kills.look(3, 10.0)
    assert not kills.claim(10.0)


def test_one_kill_explains_one_death():
    kills = OomKills(0)
    kills.look(2, 10.0)
    assert [kills.claim(10.0), kills.claim(10.1), kills.claim(10.1)] == [True, True, False]


def test_a_kill_of_long_ago_was_somebody_elses():
    kills = OomKills(0)
    kills.look(1, 10.0)
    assert not kills.claim(10.0 + FRESH_S + 0.1)

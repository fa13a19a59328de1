"""What goes on all the time goes on although one of its parts fails."""

from sylph_mp.consumer.ticker import Ticker


def test_one_that_fails_is_told_and_left_out():
    called, told = [], []
    error = ValueError("a bug")

    def broken(now_ns: int) -> None:
        called.append(("broken", now_ns))
        raise error

    ticker = Ticker(ticks=(broken, lambda now_ns: called.append(("whole", now_ns))), failed=told.append)
    ticker.tick(1)
    ticker.tick(2)
    assert called == [("broken", 1), ("whole", 1), ("whole", 2)]
    assert told == [error]

"""A clock whose hands the test turns; both kinds of time are the same."""


class Hands:
    def __init__(self, now: float = 100.0) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

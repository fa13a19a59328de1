"""How far into the lines everything is settled, although they are settled in any order. Pure."""


class Frontier:
    """`reached`: this line and all before it are settled."""

    def __init__(self, reached: int) -> None:
        self.reached = reached
        self._beyond: set[int] = set()

    @property
    def beyond(self) -> int:
        """How many lines behind one that is not settled are."""
        return len(self._beyond)

    def settle(self, number: int) -> None:
        if number != self.reached + 1:
            self._beyond.add(number)
            return
        self.reached = number
        while self.reached + 1 in self._beyond:
            self.reached += 1
            self._beyond.remove(self.reached)

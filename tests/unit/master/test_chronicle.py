"""What the chronicle tells is an event with its figures."""

from sylph_mp.logs import heard_by
from sylph_mp.master.chronicle import Chronicle
from sylph_mp.master.journal import Journal
from sylph_mp.master.moves import Load, Move
from sylph_mp.pipe import Shard
from tests.unit.hands import Hands


def test_each_move_by_weight_is_an_event() -> None:
    loads = {"source_load": Load(before=6.5, after=4.0), "target_load": Load(before=1.0, after=3.5)}
    journal = Journal(Hands())
    with heard_by(journal):
        Chronicle().moved(
            [
                Move(shard=Shard("warm", 0), weight=2.5, source=2, target=1, **loads),
                Move(shard=Shard("warm", 1), weight=2.5, source=2, target=1, **loads),
            ]
        )
    first, second = (event.line for event in journal.after(0))
    assert first.text == (
        "warm/0 from slot 2 to slot 1 by weight, 2.5 threads busy: slot 2 bore 6.5, now 4.0; slot 1 bore 1.0, now 3.5"
    )
    assert (first.event, first.level, first.fields) == ("moved", "info", {"shard": "warm/0", "from": 2, "to": 1})
    assert second.fields["shard"] == "warm/1"

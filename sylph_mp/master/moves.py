"""Says which shards have moved between two placements, and what that made of the slots' load. Pure."""

from collections.abc import Mapping

from msgspec import Struct

from sylph_mp.master.placement import Assignment
from sylph_mp.pipe import Shard


class Load(Struct, frozen=True):
    """Busy threads that the shards of a slot keep."""

    before: float
    after: float


class Move(Struct, frozen=True, kw_only=True):
    shard: Shard
    weight: float
    """Busy threads that it keeps."""
    source: int
    target: int
    source_load: Load
    target_load: Load


def moves(before: Assignment, after: Assignment, weights: Mapping[str, float]) -> list[Move]:
    """What has another slot than before, by shard; what was placed nowhere has not moved."""
    was = {shard: slot for slot, shards in before.items() for shard in shards}
    load = {slot: Load(_borne(before, slot, weights), _borne(after, slot, weights)) for slot in {*before, *after}}
    return [
        Move(
            shard=shard,
            weight=weights.get(shard.topic, 0.0),
            source=was[shard],
            target=slot,
            source_load=load[was[shard]],
            target_load=load[slot],
        )
        for shard, slot in sorted((shard, slot) for slot, shards in after.items() for shard in shards)
        if was.get(shard, slot) != slot
    ]


def _borne(placed: Assignment, slot: int, weights: Mapping[str, float]) -> float:
    return sum(weights.get(shard.topic, 0.0) for shard in placed.get(slot, ()))

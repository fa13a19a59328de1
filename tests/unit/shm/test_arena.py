import pytest

from sylph_mp.shm.arena import Arena
from sylph_mp.shm.buddies import Buddies


def test_bytes_stay_where_they_were_put(segment):
    arena = Arena(segment)
    first, second = arena.alloc(300), arena.alloc(300)
    arena.write(first, b"a" * 300)
    arena.write(second, b"b" * 300)

    assert arena.read(first, 300) == b"a" * 300
    with arena.view(second, 300) as view:
        assert bytes(view) == b"b" * 300
    assert arena.used_bytes == 1024


def test_what_finds_no_block_is_left_out_and_the_rest_is_stored(segment):
    arena = Arena(segment)
    first, second, third = arena.store([b"a" * 300, bytes(arena.capacity), b"c" * 300])

    assert second is None
    assert (arena.read(first, 300), arena.read(third, 300)) == (b"a" * 300, b"c" * 300)
    assert arena.used_bytes == 1024


def test_a_frame_beyond_the_arena_is_not_cut(segment):
    arena = Arena(segment)
    with pytest.raises(ValueError, match="different structures"):
        arena.write(arena.capacity - 2, b"abc")


def test_capacity_that_is_no_power_of_two_can_be_used_whole():
    blocks = Buddies(12 << 20)
    assert blocks.capacity == 12 << 20
    assert {blocks.alloc(4 << 20) for _ in range(3)} == {0, 4 << 20, 8 << 20}
    assert blocks.alloc(1) is None
    assert blocks.used_bytes == blocks.capacity


def test_small_blocks_are_joined_when_a_large_one_is_due():
    blocks = Buddies(1 << 16)
    taken = [blocks.alloc(256) for _ in range(256)]
    assert blocks.alloc(256) is None
    for at in taken:
        blocks.free(at, 256)
    assert blocks.alloc(1 << 16) == 0


def test_a_rest_cut_in_pieces_has_no_large_block():
    blocks = Buddies(1024)
    taken = [blocks.alloc(256) for _ in range(4)]
    for at in taken:
        if at % 512 == 0:
            blocks.free(at, 256)
    assert blocks.used_bytes == 512
    assert blocks.alloc(512) is None
    assert blocks.alloc(256) is not None


def test_what_is_reserved_is_not_given_away():
    blocks = Buddies(4096)
    blocks.reserve(1024, 900)
    with pytest.raises(ValueError, match="200 bytes at 1280 are not free"):
        blocks.reserve(1280, 200)
    with pytest.raises(ValueError, match="no block of 1000 bytes begins at 256"):
        blocks.reserve(256, 1000)
    with pytest.raises(ValueError, match="not free"):
        blocks.reserve(4096, 256)
    assert blocks.used_bytes == 1024
    assert {blocks.alloc(1024) for _ in range(3)} == {0, 2048, 3072}


def test_after_the_last_block_there_is_none_and_a_longer_one_there_never_is():
    blocks = Buddies(1000)
    assert blocks.capacity == 768
    assert blocks.alloc(769) is None
    assert blocks.alloc(513) is None
    assert blocks.alloc(512) == 0
    assert blocks.alloc(256) == 512
    assert blocks.alloc(1) is None

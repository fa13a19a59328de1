"""Quarantine keeps whole messages by themselves, finds them by parts of their ids, and never fails its master."""

import time
from pathlib import Path

import pytest
from msgspec.structs import asdict, replace

from sylph_mp.control.observation import QuarantineMark
from sylph_mp.errors import UsageError
from sylph_mp.master import quarantine
from sylph_mp.master.quarantine import Quarantine, Quarantined

BODY = b'{"logo": "12000x9000"}\n\xff\x00'
FIRST = "01D2C4A70000000000000000000000A7F3"
SECOND = "01D2C4B10000000000000000000000B001"


class StillClock:
    def monotonic(self) -> float:
        return 50.0

    def time(self) -> float:
        return 1_000.0


def quarantined(message_id: str = FIRST, **fields: object) -> Quarantined:
    message = Quarantined(
        id=message_id,
        topic="receipts",
        instance="default",
        group="orders-service",
        handler="render",
        tag="pdf",
        keys=("o-17", "eu"),
        properties={"tenant": "blue"},
        message_group="o-17",
        attempts=2,
        born_at=900.0,
        stored_at=901.5,
        strikes=2,
        limit=2,
        since_wall=990.0,
        crashes=(41, 42),
        exits=("SIGSEGV (exit -11)", "SIGKILL"),
        stack="workers/receipts.py:88 in render",
        body=BODY,
    )
    return replace(message, **fields)


def test_a_message_is_found_again_as_a_whole_by_another_process(tmp_path: Path) -> None:
    assert Quarantine(tmp_path, StillClock()).put(quarantined())

    found = Quarantine(tmp_path, StillClock()).find(FIRST)

    kept = asdict(found)
    assert (kept.pop("size"), len(kept.pop("sha256"))) == (len(BODY), 64)
    given = asdict(quarantined())
    del given["size"], given["sha256"]
    assert kept == given


def test_the_list_is_the_oldest_first_and_without_bodies(tmp_path: Path) -> None:
    store = Quarantine(tmp_path, StillClock())
    store.put(quarantined(FIRST, since_wall=0.0))
    store.put(quarantined(SECOND, since_wall=12.0))

    labels = store.list()

    assert [(label.id, label.since_wall) for label in labels] == [(SECOND, 12.0), (FIRST, 1_000.0)]
    assert not any(isinstance(label, Quarantined) for label in labels)
    assert store.mark() == QuarantineMark(messages=2, since_wall=pytest.approx(time.time(), abs=60))


def test_the_files_are_for_their_owner_only(tmp_path: Path) -> None:
    Quarantine(tmp_path / "state", StillClock()).put(quarantined())

    [path] = (tmp_path / "state" / "quarantine").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_second_put_adds_its_crashes(tmp_path: Path) -> None:
    store = Quarantine(tmp_path, StillClock())
    store.put(quarantined(crashes=(41,), exits=("SIGSEGV",), strikes=1))
    store.put(quarantined(crashes=(41, 44), exits=("SIGSEGV", "exit 1"), strikes=2, since_wall=999.0, stack=""))

    found = store.find(FIRST)

    assert (found.crashes, found.exits) == ((41, 44), ("SIGSEGV", "exit 1"))
    assert (found.strikes, found.since_wall) == (2, 990.0)
    assert found.stack == "workers/receipts.py:88 in render"


@pytest.mark.parametrize("name", [FIRST, "01D2C4A", "01D2…A7F3", "01D2...A7F3"])
def test_an_id_may_be_shortened_while_it_is_unique(tmp_path: Path, name: str) -> None:
    store = Quarantine(tmp_path, StillClock())
    store.put(quarantined(FIRST))
    store.put(quarantined(SECOND))

    assert store.find(name).id == FIRST


def test_an_unknown_or_ambiguous_id_is_a_usage_error_that_helps(tmp_path: Path) -> None:
    store = Quarantine(tmp_path, StillClock())
    with pytest.raises(UsageError, match="no message 01D2: quarantine is empty"):
        store.find("01D2")
    store.put(quarantined(FIRST))
    store.put(quarantined(SECOND))

    with pytest.raises(UsageError, match=f"no message 01D3C4B in quarantine; nearest: {SECOND}"):
        store.find("01D3C4B")
    with pytest.raises(UsageError, match="2 messages in quarantine begin with 01D2"):
        store.find("01D2")


def test_what_is_removed_is_gone_and_may_be_removed_again(tmp_path: Path) -> None:
    store = Quarantine(tmp_path, StillClock())
    store.put(quarantined())

    store.remove(store.find(FIRST))
    store.remove(quarantined())

    assert store.list() == []
    assert store.mark() is None


def test_a_full_quarantine_keeps_what_it_has_and_says_no(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(quarantine, "MAX_MESSAGES", 1)
    store = Quarantine(tmp_path, StillClock())
    assert store.put(quarantined(FIRST))

    assert not store.put(quarantined(SECOND))
    assert store.put(quarantined(FIRST, strikes=3)), "what is here already has its room"
    assert [label.id for label in store.list()] == [FIRST]
    assert [record.sylph_event for record in caplog.records] == ["quarantine-full"]


def test_its_bytes_are_limited_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "MAX_BYTES", 2_000)
    store = Quarantine(tmp_path, StillClock())

    assert not store.put(quarantined(FIRST, body=b"x" * 2_001))
    assert store.put(quarantined(SECOND))


def test_a_folder_that_is_none_is_an_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "quarantine").write_text("a file in its way")

    assert not Quarantine(tmp_path, StillClock()).put(quarantined())
    assert caplog.records[-1].sylph_event == "quarantine-failed"


def test_a_damaged_file_is_left_out_and_the_log_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Quarantine(tmp_path, StillClock())
    store.put(quarantined(FIRST))
    store.put(quarantined(SECOND))
    damaged = tmp_path / "quarantine" / f"receipts@{FIRST}.message"
    damaged.write_bytes(b"{")

    assert [label.id for label in store.list()] == [SECOND]
    assert [record.sylph_event for record in caplog.records] == ["quarantine-unreadable"]


def test_a_body_that_was_changed_is_not_given_out(tmp_path: Path) -> None:
    store = Quarantine(tmp_path, StillClock())
    store.put(quarantined())
    path = tmp_path / "quarantine" / f"receipts@{FIRST}.message"
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(UsageError, match="cannot be read"):
        store.find(FIRST)

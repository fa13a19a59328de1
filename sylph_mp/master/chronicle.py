"""Tells the log what happens to the consumers, in the words of the slot it happens in.

Called by the supervisor, on the master's loop thread.
"""

from collections.abc import Iterable

from sylph_mp.control import facts
from sylph_mp.control.observation import MemoryMark
from sylph_mp.control.quantities import duration, share, size, spaced
from sylph_mp.logs import Log
from sylph_mp.master import restarts
from sylph_mp.master.child import Child
from sylph_mp.master.crash_reports import CrashReport
from sylph_mp.master.moves import Move
from sylph_mp.master.slot import Slot
from sylph_mp.pipe import Adopted


class Chronicle:
    def __init__(self) -> None:
        self._master = Log("master")

    def started(self, slot: Slot, child: Child) -> None:
        took = spaced(duration((child.ready_at or child.forked_at) - child.forked_at))
        _of(slot).aside("started", f"a consumer is ready after {took}", pid=child.pid)

    def drained(self, slot: Slot, child: Child) -> None:
        """It ended because it was told to."""
        done = child.drained
        text = (
            f"{done.settled:,} settled, {done.handed_back:,} handed back, {done.left:,} left"
            if done
            else slot.last_exit
        )
        _of(slot).aside("drained", f"its consumer has ended: {text}", pid=child.pid)

    def recycled(self, slot: Slot, why: str) -> None:
        """It is about to be told to end, for a limit that it has reached."""
        _of(slot).info("recycled", why)

    def not_stood_in(self, slot: Slot, why: str) -> None:
        """It is about to be told to end, with nobody to run its shards until its successor is ready."""
        _of(slot).warn("recycle", f"replaced without a stand-in: {why}")

    def not_recycled(self, slot: Slot, rss_bytes: int) -> None:
        text = f"begins with {spaced(size(rss_bytes))}: too near to consumers.recycle.memory for that to be kept"
        _of(slot).warn("recycle", text, rss_bytes=rss_bytes)

    def guarded(self, slot: Slot, mark: MemoryMark) -> None:
        """It is about to be told to end, before the kernel kills something."""
        running = f", running {', '.join(mark.handlers)}" if mark.handlers else ""
        used, total = spaced(size(mark.rss_bytes)), spaced(size(mark.total_bytes))
        text = f"for memory: it has {used} of {total}, of which {share(1 - mark.used_ratio)} are left{running}"
        _of(slot).warn("recycled", text, rss_bytes=mark.rss_bytes)

    def crashed(self, slot: Slot, child: Child, *, crash: int, now: float) -> None:
        lived = spaced(duration(now - child.forked_at))
        held = f", {slot.held:,} in flight" if slot.held else ""
        stop = ";" if "," in (slot.last_exit or "") else ""
        text = f"{slot.last_exit}{stop} after {lived}{held}"
        _of(slot).warn("crash", text, crash=crash, pid=child.pid, exit=child.exit_code)

    def adopted(self, slot: Slot, child: Child, news: Adopted, report: CrashReport | None) -> None:
        """`report` is that of the death before it, None if its predecessor was replaced on purpose."""
        after = f" after {spaced(duration(report.adopted_after_s or 0.0))}" if report else ""
        dropped = f", {news.dropped:,} dropped: their lease was over" if news.dropped else ""
        text = f"took over{after}: {news.run:,} run again, {news.settled:,} were done{dropped}"
        _of(slot).info("adopted", text, pid=child.pid, crash=report.number if report else None)

    def left(self, slot: Slot) -> None:
        text = f"{slot.held:,} deliveries are left to their lease: nobody could hand them back"
        _of(slot).warn("left", text, held=slot.held)

    def not_started(self, slot: Slot) -> None:
        _of(slot).error("start", f"no consumer: {slot.last_exit}")

    def decided(self, slot: Slot, decision: restarts.Restart | restarts.GiveUp, *, now: float) -> None:
        match decision:
            case restarts.GiveUp(deaths=deaths):
                text = f"{deaths} crashes in a row, the last: {slot.last_exit}; next: sylph start {slot.number}"
                _of(slot).error("gave-up", text, crashes=slot.crashes)
            case restarts.Restart(at=at) if at > now:
                _of(slot).info("waiting", f"started again in {spaced(duration(at - now))}", crashes=slot.crashes)

    def hung(self, slot: Slot, child: Child, *, silent_s: float) -> None:
        text = f"no heartbeat for {silent_s:.0f} s, killed at {facts.KILL_S:.0f} s at the latest"
        _of(slot).warn("hung", text, pid=child.pid)

    def killed(self, slot: Slot, child: Child) -> None:
        _of(slot).error("killed", (child.killed_for or "").removeprefix("killed "), pid=child.pid)

    def report_lost(self, slot: Slot, error: Exception) -> None:
        _of(slot).exception("bug", f"a report cannot be added up: {error}", error, place="report")

    def not_scaled(self, error: Exception) -> None:
        self._master.exception("bug", f"the autoscaler failed: {error}", error, place="autoscaler")

    def moved(self, moves: Iterable[Move]) -> None:
        """For the weights of the last minute; each is told, as each lets a queue run dry for a moment."""
        for move in moves:
            shard, (left, gone_to) = f"{move.shard.topic}/{move.shard.number}", (move.source_load, move.target_load)
            text = (
                f"{shard} from slot {move.source} to slot {move.target} by weight, {move.weight:.1f} threads busy: "
                f"slot {move.source} bore {left.before:.1f}, now {left.after:.1f}; "
                f"slot {move.target} bore {gone_to.before:.1f}, now {gone_to.after:.1f}"
            )
            self._master.info("moved", text, shard=shard, **{"from": move.source, "to": move.target})

    def replaced(self, numbers: Iterable[int]) -> None:
        self._master.info("replaced", f"new consumers in slots {', '.join(map(str, numbers)) or '-'}")

    def rollout_failed(self, slot: Slot, *, kept: int) -> None:
        text = f"slot {slot.number}: the new consumer failed ({slot.last_exit}); {kept} go on as before"
        self._master.error("reload", text, slot=slot.number)


def _of(slot: Slot) -> Log:
    return Log(f"slot {slot.number}")

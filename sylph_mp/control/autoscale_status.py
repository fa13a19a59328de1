"""What every screen, probe and program sees of the autoscaler: `autoscale` in the object of schema `sylph.status/1`.

Made in the master, read in the command's process; the rules of `sylph_mp.control.status` hold.
"""

from msgspec import Struct


class SignalStatus(Struct, frozen=True, kw_only=True):
    """One figure that decisions are made by."""

    signal: str
    unit: str
    """ratio, s, bytes or messages"""
    value: float | None
    grow_from: float | None = None
    """More is wanted from here on."""
    limit: float | None = None
    """Nothing is added beyond."""
    shrink_below: float | None = None
    """One fewer would do, if it stays below."""
    says: str


class ScalingStatus(Struct, frozen=True, kw_only=True):
    """A decision that changed something, or a wish that was refused."""

    at: str
    consumers_before: int
    consumers_after: int
    threads_before: int
    """Of each consumer."""
    threads_after: int
    refused: bool
    why: str


class AutoscaleStatus(Struct, frozen=True, kw_only=True):
    mode: str
    """automatic, held (by somebody) or fixed (min = max)"""
    running: int
    wanted: int
    threads: int
    """Wanted for each consumer."""
    processes_min: int
    processes_max: int
    threads_min: int
    threads_max: int
    sentence: str
    """As the last line of `sylph status` has it."""
    headline: str
    bounds: str
    """What limits it, and where that was set."""
    wish: str | None = None
    """What it would do were it not held; null where it would do nothing."""
    held_by: str | None = None
    held_since: str | None = None
    changed_s: float | None
    """Since the last change; null: none since the master's start."""
    next_look_s: float
    signals: tuple[SignalStatus, ...]
    history: tuple[ScalingStatus, ...]
    """The newest first, 50 at most."""

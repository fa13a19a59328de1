"""How long a message stays away before it is tried again. Pure: the caller draws the random number."""

from sylph_mp.config.schema import RetryPolicy

#: The proxy refuses a longer invisible duration (5.5.0: 12 h).
LONGEST_S = 43_200.0


def delay_s(policy: RetryPolicy, attempt: int, draw: float) -> float:
    """Seconds before the delivery after the `attempt`-th (from 1); `draw` is from 0 to 1.

    Jitter keeps messages that failed together from coming back together, which also stalls the broker's
    revive service (apache/rocketmq#9956).
    """
    steps = min(attempt - 1, 64)
    plain = min(policy.first_s * policy.factor**steps, policy.max_s)
    return min(plain * (1 + policy.jitter * (2 * draw - 1)), LONGEST_S)

"""Start here: a function that handles one order at a time, in a thread of a consumer process.

sylph run                                                  # with config.toml, against its RocketMQ
sylph run --set instances.default.endpoints=embedded       # without one: a broker in memory
"""

import msgspec

from sylph_mp import App, Context, DeadLetter, Retry

app = App()

#: No card takes more at once, in cents.
MAX_CHARGE = 1_000_000


class Order(msgspec.Struct):
    """What a message's body says, in JSON. A body that is something else goes to the dead-letter topic."""

    id: str
    amount: int
    """In cents."""


@app.handler("orders")
def charge(order: Order, ctx: Context) -> Retry | DeadLetter | None:
    """Returning None is success; so is falling off the end. Any exception is a retry, by the topic's `retry`."""
    if order.amount <= 0:
        return DeadLetter(f"amount {order.amount} cannot be charged")
    if order.amount > MAX_CHARGE and ctx.attempt == 1:
        return Retry("a second look at large amounts", after_s=30)
    ctx.log.info("charged %s: %.2f", order.id, order.amount / 100)
    return None

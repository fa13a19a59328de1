"""Handlers that send: an order becomes a receipt, which is stored before the order is acked.

sylph run --config workers/pipeline.toml                   # with a broker in memory
"""

import msgspec

from sylph_mp import App, Context

app = App()


class Order(msgspec.Struct):
    id: str
    amount: int
    """In cents."""


class Receipt(msgspec.Struct):
    order: str
    total: str


@app.handler("orders")
def charge(order: Order, ctx: Context) -> None:
    """The receipt leaves when this has returned; raising sends nothing."""
    ctx.send("receipts", Receipt(order.id, f"{order.amount / 100:.2f}"), keys=[order.id])


@app.handler("receipts")
def mail(receipt: Receipt, ctx: Context) -> None:
    ctx.log.info("receipt for %s: %s", receipt.order, receipt.total)

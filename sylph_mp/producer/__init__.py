"""Sends messages to RocketMQ: in true batches, in order, late, or in transactions."""

from sylph_mp.api.resolution import Resolution
from sylph_mp.config.schema import Producers as ProducerSettings
from sylph_mp.producer.async_producers import AsyncProducers
from sylph_mp.producer.outgoing import Outgoing
from sylph_mp.producer.outlet import Receipt
from sylph_mp.producer.producers import Producers

__all__ = ["AsyncProducers", "Outgoing", "ProducerSettings", "Producers", "Receipt", "Resolution"]

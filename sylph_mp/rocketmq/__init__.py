"""A client of RocketMQ 5 on libcurl; importing it lays out the official client's packages, for all its modules."""

from sylph_mp.rocketmq.official_client import lay_out

lay_out()

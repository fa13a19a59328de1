"""Undoes what importing the official client does to logging; called first thing by each process that talks to RocketMQ.

The import (rocketmq-python-client 5.1.2) opens a rotating log file in the home directory that all processes share, and
its `dictConfig` closes the handlers that were configured before it.
"""

import logging

OFFICIAL_LOGGER = "rocketmq-python-client"


def import_official_client() -> None:
    """Import the client and take its log file away. Call it before logging is configured."""
    import rocketmq  # noqa: F401, PLC0415  the import is what this function is about

    logger = logging.getLogger(OFFICIAL_LOGGER)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.addHandler(logging.NullHandler())
    logger.setLevel(logging.WARNING)

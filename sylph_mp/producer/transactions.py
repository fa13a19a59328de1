"""What becomes of transactions that nobody has ended: the server asks, a checker answers. On the loop thread."""

from collections.abc import Awaitable, Callable

from sylph_mp.api.message import Message
from sylph_mp.api.resolution import Resolution
from sylph_mp.errors import BrokerError
from sylph_mp.logs import Log
from sylph_mp.rocketmq.publishing_session import OnOrphan, Orphan, PublishingSession

Checker = Callable[[Message], Awaitable[Resolution]]


def answer_by(checker: Checker, log: Log) -> OnOrphan:
    """Let `checker` say what becomes of a transaction; where it raises, the server asks again."""

    async def answer(session: PublishingSession, orphan: Orphan) -> None:
        try:
            resolution = await checker(orphan.message)
            if resolution is not Resolution.UNKNOWN:
                await session.resolve(orphan, commit=resolution is Resolution.COMMIT)
        except BrokerError as error:
            text = f"transaction {orphan.message.id} of topic {orphan.message.topic} stays open for now: {error}"
            log.warn("transaction-unanswered", text, topic=orphan.message.topic, message=orphan.message.id)
        except Exception as error:
            text = f"the checker failed on message {orphan.message.id} of topic {orphan.message.topic}"
            log.exception("transaction-checker-failed", text, error, topic=orphan.message.topic)

    return answer

"""One topic in this process: its configuration, handler, session and numbers, wired once and handed to every part.

Lives on the loop thread; worker threads read the handler and write nothing here.
"""

from sylph_mp.api import Handler
from sylph_mp.config.schema import Topic
from sylph_mp.consumer.topic_stats import TopicStats
from sylph_mp.consumer.unopened import UnopenedSession
from sylph_mp.ports import Session


class Subscription:
    def __init__(self, *, topic: Topic, index: int, handler: Handler) -> None:
        self.topic = topic
        self.name = topic.name
        self.index = index
        """Of the topic in the slot's segment."""
        self.handler = handler
        self.session: Session = UnopenedSession()
        """Until `opened` one that can do nothing."""
        self.fifo = False
        """Its group runs in order within a message group; known when the session is open."""
        self.stats = TopicStats()
        self.lease_ns = int(topic.lease_s * 1e9)

    def opened(self, session: Session, *, fifo: bool) -> None:
        self.session = session
        self.fifo = fifo

"""One look at the master for a screen: its snapshot, or one that says why there is none. In the command's process."""

import time

from sylph_mp.control.client import look
from sylph_mp.control.status import Snapshot
from sylph_mp.control.timestamps import rfc3339
from sylph_mp.errors import NoAnswerError, NoMasterError


def look_or_say(path: str) -> Snapshot:
    """The master's snapshot; without one its verdict is `no-master` or `unknown`, and `master` is None."""
    try:
        return look(path)
    except NoMasterError as error:
        return _without_master("no-master", str(error))
    except NoAnswerError as error:
        return _without_master("unknown", str(error))


def _without_master(verdict: str, text: str) -> Snapshot:
    sentence, _, command = text.removeprefix(f"{verdict.replace('-', ' ')}: ").partition("\nnext: ")
    return Snapshot(at=rfc3339(time.time()), verdict=verdict, sentence=sentence, next=command)

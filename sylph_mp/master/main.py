"""Entry point of the master process: puts it on its loop and ends with an exit code.

Called by `sylph run`, in the process that becomes the master.
"""

import asyncio

import uvloop

from sylph_mp import logs
from sylph_mp.config.schema import Config
from sylph_mp.logs import Log
from sylph_mp.master import signals
from sylph_mp.master.live_settings import Load
from sylph_mp.master.options import Options
from sylph_mp.master.topology import Master
from sylph_mp.master.transcript import Transcript


def run(config: Config, *, load: Load, transcript: Transcript, options: Options) -> int:
    """Be the master until told to stop; returns the exit code 0 or 1 (`sylph run`). Raises SylphError for the others.

    `load` reads the configuration anew, for a reload, and for what is set while it runs.
    """
    logs.configure(form=options.log_form, level=config.log.level)
    return uvloop.run(_run(config, load=load, transcript=transcript, options=options))


async def _run(config: Config, *, load: Load, transcript: Transcript, options: Options) -> int:
    queue: signals.Queue = asyncio.Queue()
    signals.catch(queue, stacks=options.stacks)
    try:
        master = Master(config, load=load, transcript=transcript, options=options, log=Log("master"))
        stopped = await master.run(queue)
    finally:
        signals.release()
    return stopped.exit_code

"""The folder of what outlives a master: crash reports, quarantine, strikes, known names. Tried when a master starts."""

import os
from pathlib import Path

from sylph_mp.config.file import ProblemAt
from sylph_mp.errors import ResourceError
from sylph_mp.master import durable_file


def prepare(folder: Path, *, problem: ProblemAt) -> None:
    """Make it, for its owner only; `problem` knows where it was configured. Raises ResourceError if it is of no use.

    To be called with the control socket held, as it removes what a killed master was writing.
    """
    try:
        folder.mkdir(mode=durable_file.FOLDER_MODE, parents=True, exist_ok=True)
        trial = folder / "trial"
        durable_file.write(trial, (b"\n",), forced=False)
        trial.unlink()
        for part in (folder, *(path for path in folder.iterdir() if path.is_dir())):
            durable_file.clear_unfinished(part)
    except OSError as error:
        what = f"the state folder cannot be used: {error.strerror}"
        why = f"crash reports and quarantine are kept in {folder}"
        fix = f"make it a folder that user {os.getuid()} may write, or set control.state to another one"
        raise ResourceError(what, problems=(problem(what, why=why, fix=fix),)) from error

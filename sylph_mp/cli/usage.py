"""Puts what Click says of a wrong command line into the form of all other errors. Pure; in the command's process."""

import click

from sylph_mp.errors import Problem, UsageError

#: What Click says in the words of its own types.
_WORDS = {" is not a valid integer range": " is no whole number", " is not a valid integer": " is no whole number"}
_PLACE = "sylph"


def usage_error(error: click.ClickException) -> UsageError:
    """With the command that was meant as its place, and its arguments as the remedy."""
    what = _sentence(error.format_message())
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None:
        return UsageError(what, problems=(Problem(place=_PLACE, what=what, fix=f"{_PLACE} --help"),))
    # Options are for --help to tell: there may be a dozen.
    arguments = [piece for piece in context.command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    fix = f"{' '.join([context.command_path, *arguments]):39} ({context.command_path} --help)"
    return UsageError(what, problems=(Problem(place=context.command_path, what=what, fix=fix),))


def _sentence(message: str) -> str:
    for word, ours in _WORDS.items():
        message = message.replace(word, ours)
    return message[:1].lower() + message[1:].rstrip(".").replace("'", "")

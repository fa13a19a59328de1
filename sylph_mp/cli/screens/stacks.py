"""A dead thread's calls as people read them: from the handler on, the innermost last, with their source.

In the command's process; reads the source files.
"""

import linecache
import os
import re
from itertools import dropwhile

from msgspec import Struct

_CALL = re.compile(r"(.*):(\d+|\?\?\?) in (.*)")
#: Where libraries are, the standard one as well; what follows is a module's own path.
_LIBRARY = re.compile(r".*/(?:(?:site|dist)-packages|lib/python3\.\d+)/")
#: What calls a handler says nothing.
_RUNTIME = re.compile(r"(?:^|/)(?:sylph_mp|asyncio|concurrent/futures)/|(?:^|/)threading\.py$")
#: Where the column of source lines begins at the least.
_SOURCE_AT = 37


class Call(Struct, frozen=True):
    file: str
    line: int
    """0: unknown."""
    function: str


def stack_lines(stack: str, *, folder: str, unchanged_since: float | None = None) -> list[str]:
    """A line for each call of a crash report's `stack`, those of the runtime left out.

    Names are from `folder` on. A source line is shown only if it is known that its file was not changed since:
    a wrong one is worse than none.
    """
    calls = _own([call for call in map(_parsed, stack.splitlines()) if call is not None])
    places = [f"{_short(call.file, folder)}:{call.line or '???'} in {call.function}" for call in calls]
    width = max([_SOURCE_AT, *map(len, places)])
    sources = [_source(call, unchanged_since) for call in calls]
    return [f"{place:{width}}  {source}".rstrip() for place, source in zip(places, sources, strict=True)]


def innermost(stack: str) -> str:
    """What two crashes have in common if the same line killed; "" without a stack."""
    return stack.partition("\n")[0]


def _parsed(line: str) -> Call | None:
    found = _CALL.fullmatch(line)
    return Call(found[1], int(found[2]) if found[2].isdecimal() else 0, found[3]) if found else None


def _own(calls: list[Call]) -> list[Call]:
    """From the handler on, the innermost last; all of them if only the runtime was going on."""
    outermost_first = calls[::-1]
    return list(dropwhile(lambda call: _RUNTIME.search(call.file), outermost_first)) or outermost_first


def _short(file: str, folder: str) -> str:
    if found := _LIBRARY.match(file):
        return file[found.end() :]
    return os.path.relpath(file, folder) if file.startswith(folder.rstrip("/") + "/") else file


def _source(call: Call, unchanged_since: float | None) -> str:
    if unchanged_since is None:
        return ""
    try:
        changed_at = os.stat(call.file).st_mtime
    except OSError:
        return ""
    return linecache.getline(call.file, call.line).strip() if changed_at <= unchanged_since else ""

"""How a source file may look, beyond what ruff and mypy check. Each test lists what breaks its rule."""

import ast
import re
import sys

#: A longer file holds more than one concept, a longer function more than one step.
MOST_LINES_OF_A_FILE = 350
MOST_LINES_OF_A_FUNCTION = 60
#: The wiring of a process is one list in start order; cut in pieces it would be harder to read.
MOST_LINES_OF_A_WIRING = 100
#: A module called so is a concept without a name.
NAMES_THAT_SAY_NOTHING = {"base", "common", "helper", "helpers", "manager", "misc", "types", "util", "utils"}

SILENCED = re.compile(r"#\s*(?:type:\s*ignore(?P<ignored>\[[^\]]+\])?|noqa(?P<rules>:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)?)")


def test_a_module_says_what_it_is(sources):
    """In a sentence at least; only the `__init__.py` of a package may be empty."""
    silent = []
    for source in sources:
        docstring = ast.get_docstring(source.tree)
        if source.text.strip() and not (docstring and re.search(r"[.:]\s|[.:]$", docstring)):
            silent.append(source.name)
    assert not silent


def test_a_module_is_named_after_its_concept(sources):
    taken = NAMES_THAT_SAY_NOTHING | sys.stdlib_module_names
    assert not [source.name for source in sources if source.module in taken]


def test_a_file_is_short(sources):
    lengths = {source.name: len(source.text.splitlines()) for source in sources}
    assert not {name: length for name, length in lengths.items() if length > MOST_LINES_OF_A_FILE}


def test_functions_are_short(sources):
    long = []
    for source in sources:
        most = MOST_LINES_OF_A_WIRING if source.module == "topology" else MOST_LINES_OF_A_FUNCTION
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = node.end_lineno - node.lineno + 1
                if length > most:
                    long.append(f"{source.place(node)} {node.name}: {length} lines")
    assert not long


def test_what_is_silenced_has_its_reason(sources):
    """Which rule, and behind it why: `# type: ignore[code]  because`, and the same for noqa."""
    unexplained = []
    for source in sources:
        for place, line in source.lines:
            match = SILENCED.search(line)
            if match and not ((match["ignored"] or match["rules"]) and re.search(r"\w{3}", line[match.end() :])):
                unexplained.append(f"{place}: {line.strip()}")
    assert not unexplained


def test_nothing_is_promised_only(sources):
    promises = re.compile(r"\bNotImplementedError\b|\b(?:TODO|FIXME|XXX)\b")
    assert not [place for source in sources for place, line in source.lines if promises.search(line)]

"""How a source file may look, beyond what ruff and mypy check."""

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


def test_a_module_says_what_it_is(source):
    if source.path.name == "__init__.py" and not source.text.strip():
        return
    docstring = ast.get_docstring(source.tree)
    assert docstring, "the module's docstring says what it is and which process and thread run it"
    assert re.search(r"[.:]\s|[.:]$", docstring), f"a sentence is due, not {docstring!r}"


def test_a_module_is_named_after_its_concept(source):
    name = source.path.stem
    assert name not in NAMES_THAT_SAY_NOTHING
    assert name not in sys.stdlib_module_names, f"{name} is a module of the standard library"


def test_a_file_is_short(source):
    assert len(source.text.splitlines()) <= MOST_LINES_OF_A_FILE


def test_functions_are_short(source):
    most = MOST_LINES_OF_A_WIRING if source.path.name == "topology.py" else MOST_LINES_OF_A_FUNCTION
    long = [
        f"{node.name}, line {node.lineno}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= most
    ]
    assert not long


def test_what_is_silenced_has_its_reason(source):
    """`# type: ignore[code]  # reason`, and the same for noqa."""
    silenced = re.compile(r"#\s*(?:type:\s*ignore\[[^\]]+\]|noqa:\s*[A-Z0-9, ]+)(?P<rest>.*)$")
    for number, line in enumerate(source.text.splitlines(), start=1):
        assert not re.search(r"#\s*(?:type:\s*ignore(?!\[)|noqa(?!:))", line), f"line {number}: which rule?"
        match = silenced.search(line)
        assert not match or re.search(r"\w{3}", match["rest"]), f"line {number}: {line.strip()}: and why?"


def test_nothing_is_promised_only(source):
    for node in ast.walk(source.tree):
        name = node.id if isinstance(node, ast.Name) else ""
        assert name != "NotImplementedError", f"line {node.lineno}"
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", source.text)

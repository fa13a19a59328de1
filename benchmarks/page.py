"""Writes docs/reference/benchmarks.md and its plots: page.md, filled with the answers in benchmarks/results.

    python -m benchmarks.page

`{consume}` in page.md is where the answer to `consume` goes, `{consume: us CPU a message}` with a plot of that figure.
"""

import re
import sys
from pathlib import Path

import msgspec

from benchmarks.answer import RESULTS, Answer, Circumstances, Figure, Row
from benchmarks.bars import Bar, draw

TEXT = Path(__file__).parent / "page.md"
PAGE = Path(__file__).parent.parent / "docs" / "reference" / "benchmarks.md"
PLOTS = PAGE.parent / "benchmarks"
PLACE = re.compile(r"^\{(?P<question>\w+)(?:: (?P<plotted>.+))?\}$", re.MULTILINE)


def main() -> int:
    answers = read()
    PAGE.write_text(page(answers))
    PLOTS.mkdir(exist_ok=True)
    for question, svg in plots(answers).items():
        (PLOTS / f"{question}.svg").write_text(svg)
    print(PAGE)
    return 0


def read() -> dict[str, Answer]:
    """By question."""
    found = [msgspec.json.decode(file.read_bytes(), type=Answer) for file in sorted(RESULTS.glob("*.json"))]
    return {answer.question: answer for answer in found}


def questions() -> dict[str, str]:
    """In the order of the page; the figure that is plotted, "" for none."""
    return {place["question"]: place["plotted"] or "" for place in PLACE.finditer(TEXT.read_text())}


def page(answers: dict[str, Answer]) -> str:
    def fill(place: re.Match[str]) -> str:
        answer = answers.get(place["question"])
        return "Not measured yet." if answer is None else _filled(answer, place["plotted"] or "")

    return PLACE.sub(fill, TEXT.read_text())


def plots(answers: dict[str, Answer]) -> dict[str, str]:
    """SVGs by question."""
    plotted = {question: name for question, name in questions().items() if name and question in answers}
    return {question: draw(name, _bars(answers[question], name)) for question, name in plotted.items()}


def _bars(answer: Answer, name: str) -> list[Bar]:
    return [
        Bar(f"{row.subject}; {row.case}", figure.median, figure.low, figure.high, row.subject.startswith("sylph-mp"))
        for row in answer.rows
        for figure in row.figures
        if figure.name == name
    ]


def _filled(answer: Answer, plotted: str) -> str:
    tables: dict[tuple[str, ...], list[Row]] = {}
    for row in answer.rows:
        tables.setdefault(tuple(figure.name for figure in row.figures), []).append(row)
    parts = [_table(names, rows) for names, rows in tables.items()]
    if plotted:
        parts.append(f"![{plotted}](benchmarks/{answer.question}.svg)")
    return "\n\n".join([*parts, _said(answer)])


def _table(names: tuple[str, ...], rows: list[Row]) -> str:
    lines = [["", "", *names], ["---", "---", *(["---:"] * len(names))]]
    lines += [[row.case, row.subject, *map(_cell, row.figures)] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cell(figure: Figure) -> str:
    if figure.low == figure.high:
        return _number(figure.median)
    return f"{_number(figure.median)} ({_number(figure.low)} … {_number(figure.high)})"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _said(answer: Answer) -> str:
    asked = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in answer.parameters.items())
    return f"Asked with {asked}. {_where(answer.circumstances)}"


def _where(where: Circumstances) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in where.libraries.items())
    machine = f"{where.cores} cores of {where.cpu}, {where.memory_gib:g} GiB, {where.system}"
    load = f"load {where.load_before:g} before, {where.load_after:g} after"
    return f"{where.at}, commit {where.commit}; {machine}; {load}. Python {where.python}, {libraries}."


if __name__ == "__main__":
    sys.exit(main())

"""RocketMQ's SQL92 filters on message properties, parsed once and run for each message.

    or:    and { OR and }              and:   not { AND not }          not:   [NOT] test
    test:  ( or ) | value { = <> > >= < <= value | [NOT] BETWEEN a AND b | [NOT] IN ( a, b ) | IS [NOT] NULL
           | [NOT] CONTAINS s | [NOT] STARTSWITH s | [NOT] ENDSWITH s }
    value: number | 'text' | TRUE | FALSE | property

Properties are text; one that is compared with a number is read as one. A comparison with what is missing or no number
is unknown, and unknown is not wanted. https://rocketmq.apache.org/docs/featureBehavior/07messagefilter. Pure.
"""

import operator
import re
from collections.abc import Callable, Mapping

from sylph_mp.devbroker.store.filter import Filter
from sylph_mp.devbroker.store.record import Record
from sylph_mp.devbroker.store.refusal import Code, RefusedError

Value = str | float | bool | None
Term = Callable[[Mapping[str, str]], Value]

TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d*)?)|'((?:[^']|'')*)'|(<>|>=|<=|[=<>(),-])|([A-Za-z_$][\w.$]*))")
KEYWORDS = {"AND", "OR", "NOT", "IN", "IS", "NULL", "BETWEEN"}
COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "CONTAINS": operator.contains,
    "STARTSWITH": str.startswith,
    "ENDSWITH": str.endswith,
}


def by_sql(expression: str) -> Filter:
    """Raises RefusedError as RocketMQ does if it cannot be parsed."""
    try:
        term = _Parser(expression).whole()
    except (ValueError, IndexError):
        text = "parse the consumer's subscription failed"
        raise RefusedError(Code.INTERNAL_SERVER_ERROR, text) from None

    def wanted(record: Record) -> bool:
        properties = record.properties if record.tag is None else record.properties | {"TAGS": record.tag}
        return term(properties) is True

    return wanted


class _Parser:
    def __init__(self, expression: str) -> None:
        self._tokens = list(_tokens(expression))
        self._at = 0

    def whole(self) -> Term:
        term = self._or()
        if self._at != len(self._tokens):
            raise ValueError(self._tokens[self._at])
        return term

    def _next(self, *words: str) -> str:
        """Take the next token if it is one of these words or signs, else ""."""
        if self._at < len(self._tokens):
            kind, text = self._tokens[self._at]
            if kind in ("word", "sign") and text.upper() in words:
                self._at += 1
                return text.upper()
        return ""

    def _must(self, word: str) -> None:
        if not self._next(word):
            raise ValueError(word)

    def _or(self) -> Term:
        term = self._and()
        while self._next("OR"):
            term = _either(term, self._and())
        return term

    def _and(self) -> Term:
        term = self._not()
        while self._next("AND"):
            term = _both(term, self._not())
        return term

    def _not(self) -> Term:
        return _negated(self._not()) if self._next("NOT") else self._test()

    def _test(self) -> Term:
        if self._next("("):
            term = self._or()
            self._must(")")
            return term
        left = self._value()
        if self._next("IS"):
            negate = self._next("NOT")
            self._must("NULL")
            return _missing(left, wanted=not negate)
        if sign := self._next("=", "<>", ">", ">=", "<", "<="):
            return _compared(left, sign, self._value())
        negate = self._next("NOT")
        term = self._range_or_text(left)
        return _negated(term) if negate else term

    def _range_or_text(self, left: Term) -> Term:
        if self._next("BETWEEN"):
            low = self._value()
            self._must("AND")
            return _both(_compared(left, ">=", low), _compared(left, "<=", self._value()))
        if self._next("IN"):
            self._must("(")
            term = _compared(left, "=", self._value())
            while self._next(","):
                term = _either(term, _compared(left, "=", self._value()))
            self._must(")")
            return term
        if name := self._next(*TEXT_TESTS):
            return _text_test(left, TEXT_TESTS[name], self._value())
        return left

    def _value(self) -> Term:
        negative = self._next("-")
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            number = -float(text) if negative else float(text)
            return lambda _: number
        if negative or kind == "sign" or (kind == "word" and text.upper() in KEYWORDS):
            raise ValueError(text)
        if kind == "text":
            return lambda _: text
        if text.upper() in ("TRUE", "FALSE"):
            truth = text.upper() == "TRUE"
            return lambda _: truth
        return lambda properties: properties.get(text)


def _tokens(expression: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    text = expression.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise ValueError(text[at:])
        number, quoted, sign, word = match.groups()
        if number is not None:
            tokens.append(("number", number))
        elif quoted is not None:
            tokens.append(("text", quoted.replace("''", "'")))
        else:
            tokens.append(("sign", sign) if sign else ("word", word))
        at = match.end()
    return tokens


def _either(left: Term, right: Term) -> Term:
    def run(properties: Mapping[str, str]) -> Value:
        values = left(properties), right(properties)
        return True if True in values else None if None in values else False

    return run


def _both(left: Term, right: Term) -> Term:
    def run(properties: Mapping[str, str]) -> Value:
        values = left(properties), right(properties)
        return False if False in values else None if None in values else True

    return run


def _negated(term: Term) -> Term:
    def run(properties: Mapping[str, str]) -> Value:
        value = term(properties)
        return not value if isinstance(value, bool) else None

    return run


def _missing(term: Term, *, wanted: bool) -> Term:
    return lambda properties: (term(properties) is None) == wanted


def _compared(left: Term, sign: str, right: Term) -> Term:
    def run(properties: Mapping[str, str]) -> Value:
        one, other = _alike(left(properties), right(properties))
        if one is None or other is None:
            return None
        if sign in ("=", "<>"):
            return (one == other) == (sign == "=")
        if isinstance(one, float) and isinstance(other, float):
            return COMPARE[sign](one, other)
        return None

    return run


def _text_test(left: Term, test: Callable[[str, str], bool], right: Term) -> Term:
    def run(properties: Mapping[str, str]) -> Value:
        one, other = left(properties), right(properties)
        return test(one, other) if isinstance(one, str) and isinstance(other, str) else None

    return run


def _alike(one: Value, other: Value) -> tuple[Value, Value]:
    """Read a property's text as what it is compared with."""
    if isinstance(one, float) and isinstance(other, str):
        return one, _number(other)
    if isinstance(other, float) and isinstance(one, str):
        return _number(one), other
    if isinstance(one, bool) and isinstance(other, str):
        return one, other.lower() == "true"
    if isinstance(other, bool) and isinstance(one, str):
        return one.lower() == "true", other
    return one, other


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None

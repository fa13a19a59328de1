"""Imports the user's app, checks that its handlers and the configuration's topics are the same, runs its start hooks.

Once in each consumer process, before anything is received; the master never imports user code.
"""

import importlib
import linecache
import pkgutil
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType

import msgspec

from sylph_mp.api import App, Handler
from sylph_mp.config.file import problem_at, shown_path
from sylph_mp.config.nearest import nearest
from sylph_mp.config.schema import Config
from sylph_mp.errors import ConfigError, Problem

#: Lines of decorators above a handler that are searched for its topic.
DECORATOR_LINES = 20
#: The name of a function where it is defined.
_DEFINED = r"(?<=def )\w+"


def load_app(config: Config) -> App:
    """The App that the configuration names. Raises ConfigError with all that is wrong about it."""
    folder = str(Path(config.path).parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name, _, attribute = config.app.partition(":")
    app = _app_in(_module(name, config, folder), attribute, config)
    problems = [
        *_handlers_without_topic(app, config),
        *_topics_without_handler(app, config),
        *_checkers_without_instance(app, config),
    ]
    if problems:
        raise _error(problems, config)
    return app


def _checkers_without_instance(app: App, config: Config) -> list[Problem]:
    return [
        Problem(
            place=checker.place,
            what=f'checker {checker.name}: instance "{checker.instance}" is not in the configuration',
            fix=f"one of {', '.join(config.instances)}",
        )
        for checker in app.checkers.values()
        if checker.instance is not None and checker.instance not in config.instances
    ]


def _module(name: str, config: Config, folder: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise _error([_no_module(name, error.name, config, folder)], config) from error
        raise _error([_import_failed(error, config, folder)], config) from error
    except ConfigError as error:  # a handler's own mistake, found while it was registered
        raise _error([_quoted(problem, _DEFINED) for problem in error.problems], config) from error
    except (Exception, SystemExit) as error:
        raise _error([_import_failed(error, config, folder)], config) from error


def _no_module(name: str, missing: str, config: Config, folder: str) -> Problem:
    parent, _, last = missing.rpartition(".")
    place = [str(Path(folder, *parent.split(".")))] if parent else [folder]
    names = nearest(last, [found.name for found in pkgutil.iter_modules(place)])
    found = f"{parent}.{names[0]}" if parent and names else "".join(names[:1])
    return problem_at(
        config,
        "app",
        f"app {config.app} cannot be loaded: there is no module {missing}",
        hint=f"nearest: {found}" if found else "",
        why=f"looked in {folder}, where the configuration is, and in the installed packages",
        fix=f'app = "{found}{name[len(missing) :]}:{config.app.partition(":")[2]}"' if found else "",
    )


def _import_failed(error: BaseException, config: Config, folder: str) -> Problem:
    module = config.app.partition(":")[0]
    fix = f"see the whole trace: cd {folder} && {sys.executable} -c 'import {module}'"
    if isinstance(error, ModuleNotFoundError):
        fix = f"install it where sylph runs: {sys.executable}"
    if isinstance(error, SyntaxError):
        fix = f"correct it, and see: {sys.executable} -m py_compile {shown_path(Path(error.filename or module))}"
    return _failed(error, f"app {config.app} cannot be loaded", fix, config=config, folder=folder)


def run_start_hooks(app: App, config: Config) -> None:
    """Raises ConfigError for the first that fails."""
    folder = str(Path(config.path).parent)
    for hook in app.start_hooks:
        try:
            hook()
        except Exception as error:
            what = f"start hook {hook.__name__} of {config.app} failed"
            fix = "mend what it needs; a consumer receives nothing before its start hooks have returned"
            raise _error([_failed(error, what, fix, config=config, folder=folder)], config) from error


def _failed(error: BaseException, what: str, fix: str, *, config: Config, folder: str) -> Problem:
    """What the user's code raised, and on which of its lines: the innermost that is not in an installed package."""
    why = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    problem = Problem(place=config.app, what=what, why=why, fix=fix)
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return _at_offset(_quoted(msgspec.structs.replace(problem, place=f"{error.filename}:{error.lineno}")), error)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_users(Path(frame.filename), Path(folder))]
    return _quoted(msgspec.structs.replace(problem, place=f"{own[-1].filename}:{own[-1].lineno}")) if own else problem


def innermost(error: BaseException, config: Config) -> str:
    """`workers/orders.py:3`: the innermost line of the user's code, else the innermost of all; "" without a trace."""
    frames = traceback.extract_tb(error.__traceback__)
    folder = Path(config.path).parent
    found = [frame for frame in frames if _is_users(Path(frame.filename), folder)] or list(frames)
    return f"{shown_path(Path(found[-1].filename))}:{found[-1].lineno}" if found else ""


def _at_offset(problem: Problem, error: SyntaxError) -> Problem:
    """With a caret where the parser stopped, if it says so."""
    if not error.offset or not problem.source:
        return problem
    return msgspec.structs.replace(problem, place=f"{problem.place}:{error.offset}", column=error.offset)


def _is_users(file: Path, folder: Path) -> bool:
    return file.is_relative_to(folder) and "site-packages" not in file.parts


def _app_in(module: ModuleType, attribute: str, config: Config) -> App:
    found = getattr(module, attribute, None)
    if isinstance(found, App):
        return found
    apps = [name for name, value in vars(module).items() if isinstance(value, App)]
    names = nearest(attribute, apps) or apps[:1]
    state = f"has no {attribute}" if found is None else f"has {attribute}, but it is a {type(found).__name__}, no App"
    problem = problem_at(
        config,
        "app",
        f"app {config.app} cannot be loaded: module {module.__name__} {state}",
        hint=f"nearest: {names[0]}" if names else "",
        fix=f'app = "{module.__name__}:{names[0]}"' if names else f"{attribute} = App() in {module.__name__}",
    )
    raise _error([problem], config)


def _handlers_without_topic(app: App, config: Config) -> list[Problem]:
    return [_no_topic(handler, config) for handler in app.handlers.values() if handler.topic not in config.topics]


def _no_topic(handler: Handler, config: Config) -> Problem:
    names = nearest(handler.topic, config.topics)
    add = f"add [topics.{handler.topic}] to {shown_path(Path(config.path))}"
    problem = Problem(
        place=handler.place,
        what=f'handler {handler.name}: topic "{handler.topic}" is not in config',
        hint=f'nearest: "{names[0]}"{_defined_at(config, names[0])}' if names else None,
        fix=f'@app.handler("{names[0]}"), or {add}' if names else add,
    )
    return _quoted(problem, f"""["']{re.escape(handler.topic)}["']""")


def _defined_at(config: Config, topic: str) -> str:
    place = config.places.get(f"topics.{topic}")
    return f" ({place.rpartition(':')[0] or place})" if place else ""


def _topics_without_handler(app: App, config: Config) -> list[Problem]:
    meant = {name for topic in app.handlers if topic not in config.topics for name in nearest(topic, config.topics)[:1]}
    return [
        problem_at(
            config,
            f"topics.{topic}",
            f'topic "{topic}" has no handler',
            why=f"{config.app} handles {', '.join(app.handlers) or 'nothing'}",
            fix=f'@app.handler("{topic}") above a function, or remove [topics.{topic}]',
        )
        for topic in config.topics
        if topic not in app.handlers and topic not in meant
    ]


def _quoted(problem: Problem, pattern: str = "") -> Problem:
    """A problem at `/path/file.py:line` with its source, and carets under what the pattern finds from there on."""
    file, _, number = problem.place.rpartition(":")
    if not number.isdecimal():
        return problem
    line, found = _find(file, int(number), pattern)
    place = f"{shown_path(Path(file))}:{line}"
    return msgspec.structs.replace(
        problem,
        place=f"{place}:{found.start() + 1}" if found else place,
        source=linecache.getline(file, line).rstrip("\n") or None,
        column=found.start() + 1 if found else None,
        width=found.end() - found.start() if found else 1,
    )


def _find(file: str, line: int, pattern: str) -> tuple[int, re.Match[str] | None]:
    """The line on which the pattern is found first, in a decorator above a function; else the line itself."""
    for number in range(line, line + DECORATOR_LINES if pattern else line):
        if found := re.search(pattern, linecache.getline(file, number)):
            return number, found
    return line, None


def _error(problems: list[Problem], config: Config) -> ConfigError:
    text = problems[0].what if len(problems) == 1 else f"{len(problems)} errors between {config.app} and its topics"
    return ConfigError(text, problems=tuple(problems))

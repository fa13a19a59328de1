"""What the documents name exists: commands and their options, make targets, configuration keys, files, handlers."""

import re
import textwrap
import tomllib
from pathlib import Path

import click
import pytest

from sylph_mp import App
from sylph_mp.cli.main import sylph
from sylph_mp.cli.status import EXIT_CODES
from sylph_mp.config.load import load
from sylph_mp.control import status
from sylph_mp.errors import SylphError

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FENCED = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)

#: What a fragment of a configuration leaves out.
MINIMAL = {
    "app": 'app = "orders:app"',
    "instances": '[instances.default]\nendpoints = "127.0.0.1:8081"',
    "consumers": '[consumers]\ngroup = "orders-service"',
    "topics": "[topics.orders]",
}


def blocks(page: Path, language: str) -> list[str]:
    return [
        textwrap.dedent(match["text"]) for match in FENCED.finditer(page.read_text()) if match["language"] == language
    ]


def code(page: Path) -> str:
    """Fenced blocks and `spans`, one a line."""
    text = page.read_text()
    spans = re.findall(r"`([^`\n]+)`", FENCED.sub("", text))
    return "\n".join([*spans, *(match["text"] for match in FENCED.finditer(text))])


@pytest.fixture(params=PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def page(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_commands_and_options_exist(page):
    for name, rest in re.findall(r"\bsylph ([a-z]+)([^#`\n]*)", code(page)):
        words = rest.split()
        with click.Context(sylph) as context:
            command = sylph.get_command(context, name)
            while isinstance(command, click.Group) and words and not words[0].startswith("-"):
                command = command.get_command(context, words.pop(0))
        assert command, f"sylph {name}{rest}"
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        for word in words:
            assert not word.startswith("-") or word.split("=")[0] in {*known, "--help"}, f"sylph {name}{rest}"


def test_the_reference_names_every_command_and_option():
    sections = re.split(r"^## sylph ", (ROOT / "docs/reference/cli.md").read_text(), flags=re.MULTILINE)[1:]
    text_of = {section.split()[0]: section for section in sections}
    with click.Context(sylph) as context:
        commands = {name: sylph.get_command(context, name) for name in sylph.list_commands(context)}
    assert set(text_of) == set(commands)
    for name, command in commands.items():
        parts = command.commands.values() if isinstance(command, click.Group) else [command]
        options = {
            parameter.opts[0] for part in parts for parameter in part.params if isinstance(parameter, click.Option)
        }
        assert not {option for option in options if f"`{option}" not in text_of[name]}, name


def test_the_reference_names_every_key_of_status():
    page = (ROOT / "docs/reference/status-json.md").read_text()
    structs = [each for each in vars(status).values() if isinstance(each, type) and each.__module__ == status.__name__]
    assert not {field for struct in structs for field in struct.__struct_fields__ if f"`{field}`" not in page}


def test_the_reference_names_every_exit_code():
    codes = {*EXIT_CODES.values(), *(error.exit_code for error in SylphError.__subclasses__())}
    listed = re.findall(r"^\| (\d+) ", (ROOT / "docs/reference/exit-codes.md").read_text(), re.MULTILINE)
    assert codes <= {int(code) for code in listed}


def test_make_targets_exist(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {word for line in re.findall(r"^make((?: [a-z]+)+)", code(page), re.MULTILINE) for word in line.split()}
    assert named <= targets


def test_configurations_load(page, tmp_path):
    for text in blocks(page, "toml"):
        given = tomllib.loads(text)
        before = [MINIMAL["app"]] if "app" not in given else []
        behind = [part for key, part in MINIMAL.items() if key != "app" and key not in given]
        for certificate in re.findall(r'"([\w.]+\.(?:pem|key))"', text):
            (tmp_path / certificate).touch()
        file = tmp_path / "config.toml"
        file.write_text("\n".join([*before, text, *behind]))
        load(file, environ={}, overrides={})


def test_handler_files_fit_their_configuration(page):
    topics = {name for text in blocks(page, "toml") for name in tomllib.loads(text).get("topics", {})}
    for text in blocks(page, "python"):
        if "App()" in text:
            names: dict[str, object] = {"__name__": "handlers"}
            exec(compile(text, str(page), "exec"), names)
            app = names["app"]
            assert isinstance(app, App)
            assert set(app.handlers) <= topics


def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_example_configurations_load(root):
    for file in (root / "config.toml", root / "demo" / "config.toml"):
        assert load(file, environ={}, overrides={}).topics

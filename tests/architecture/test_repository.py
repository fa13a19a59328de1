"""The project speaks of itself alone: no place of one machine, no host that is not meant for its readers."""

import re

#: Documentation that comments point to, licence and XML namespaces. No package index: those are the user's choice.
HOSTS_TO_SPEAK_OF = {
    "127.0.0.1",
    "github.com",
    "grpc.io",
    "localhost",
    "maven.apache.org",
    "rocketmq.apache.org",
    "www.apache.org",
    "www.w3.org",
}
URL = re.compile(r"\bhttps?://(?P<host>[a-zA-Z0-9.-]*[a-zA-Z0-9])")
MACHINE_PATH = re.compile(r"(?<![\w.<>{}$)])/(?:work|root|home|Users)/")


def texts(project_files):
    for path in project_files:
        try:
            yield path, path.read_text()
        except UnicodeDecodeError:
            continue  # a certificate store or the like: no prose in it


def test_addresses_are_known_ones(project_files):
    strange = [
        f"{path}: {match[0]}"
        for path, text in texts(project_files)
        for match in URL.finditer(text)
        if match["host"] not in HOSTS_TO_SPEAK_OF
    ]
    assert not strange


def test_no_place_of_one_machine_is_named(project_files):
    named = [f"{path}: {match[0]}" for path, text in texts(project_files) for match in MACHINE_PATH.finditer(text)]
    assert not named


def test_every_scenario_states_its_promise(root):
    for path in sorted((root / "tests" / "scenarios").glob("test_*.py")):
        first = path.read_text().split("\n", 1)[0]
        assert re.fullmatch(r'"""[A-Z`].+\.(""")?', first), f"{path.name}: the first line states one promise: {first}"

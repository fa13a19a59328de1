"""What a handler file may import: adding a name is a decision, removing one breaks somebody."""

import tomllib

import sylph_mp


def test_the_package_offers_these_names():
    assert sylph_mp.__all__ == [
        "Ack",
        "App",
        "Context",
        "DeadLetter",
        "Message",
        "Resolution",
        "Retry",
        "TimeLimitExceeded",
    ]


def test_the_version_is_the_distributions(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert project["version"] == sylph_mp.__version__

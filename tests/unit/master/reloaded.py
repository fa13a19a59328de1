"""The configurations before and after a reload."""

from sylph_mp.config.schema import Config, Consumers, Control, Range, Topic


def config(app: str) -> Config:
    return Config(
        path="/srv/config.toml",
        app=app,
        instances={},
        consumers=Consumers(processes=Range(2, 3), threads=Range(1, 1)),
        topics={"orders": Topic(name="orders", instance="default", group="g", shards=2)},
        control=Control(socket="/srv/sylph.sock"),
    )


OLD, NEW = config("old:app"), config("new:app")

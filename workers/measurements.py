"""In batches: up to 100 messages a call, for what is cheaper by the hundred, such as rows of a database.

sylph run --config workers/measurements.toml
"""

import os
import sqlite3

import msgspec

from sylph_mp import App

app = App()

DATABASE = "measurements.db"


class Measurement(msgspec.Struct):
    id: str
    sensor: str
    celsius: float


@app.on_start
def make_table() -> None:
    """In each consumer process, before its first message: nothing is opened at import."""
    with sqlite3.connect(database()) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS measurement (id TEXT PRIMARY KEY, sensor TEXT, celsius REAL)")
    connection.close()


@app.handler("measurements", batch=100, batch_wait_s=0.2)
def store(measurements: list[Measurement]) -> None:
    """One transaction for all. If it fails, all of them come again; a message that came twice is stored once."""
    rows = [msgspec.structs.astuple(measurement) for measurement in measurements]
    with sqlite3.connect(database()) as connection:
        connection.executemany("INSERT OR IGNORE INTO measurement VALUES (?, ?, ?)", rows)
    connection.close()


def database() -> str:
    return os.environ.get("MEASUREMENTS_DATABASE", DATABASE)

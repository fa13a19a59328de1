"""A headless Chromium, driven over its DevTools protocol: the part of it that tests of the page need.

The protocol: `chromedevtools.github.io/devtools-protocol`; spoken as JSON over one WebSocket to each tab.
"""

import asyncio
import base64
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp

#: Names under which distributions install one.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
START_S = 30.0
SEEN_S = 15.0


def find_chromium() -> str | None:
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


class Tab:
    """One open page. `complaints` are what its console, its policies and its network said against it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._socket = socket
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._reading = asyncio.create_task(self._read())

    async def prepare(self, *, width: int, height: int, dark: bool, script: bool) -> None:
        for domain in ("Page", "Runtime", "Network", "Log"):
            await self.call(f"{domain}.enable")
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 640}
        await self.call("Emulation.setDeviceMetricsOverride", **screen)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        await self.call("Emulation.setScriptExecutionDisabled", value=not script)

    async def call(self, method: str, **params: Any) -> Any:
        number = len(self._answers) + 1
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(SEEN_S):
            return await self._answers[number]

    async def evaluate(self, script: str) -> Any:
        """The value of an expression, awaited if it is a promise."""
        answer = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, script: str, limit_s: float = SEEN_S) -> None:
        """Wait until the expression is true."""
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    if await self.evaluate(script):
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            text = await self.evaluate("document.body.innerText")
            raise AssertionError(f"not seen in {limit_s} s: {script}; {self.complaints}\n{text}") from None

    async def go(self, url: str) -> None:
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def screenshot(self) -> bytes:
        """The whole page as PNG."""
        shot = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    async def close(self) -> None:
        self._reading.cancel()
        await self._socket.close()

    async def _read(self) -> None:
        async for message in self._socket:
            said = message.json()
            if "id" in said:
                answer = self._answers[said["id"]]
                if not answer.done():
                    answer.set_result(said.get("result", {"exceptionDetails": said}))
            else:
                self._note(said["method"], said["params"])

    def _note(self, event: str, params: Any) -> None:
        match event:
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Log.entryAdded":
                self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
            case "Runtime.exceptionThrown":
                self.complaints.append(str(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if params["type"] in {"error", "warning", "assert"}:
                self.complaints.append(str(params["args"]))


class Chromium:
    """One browser, in a process of its own; `with` ends it. Each `tab` is of the loop that opens it."""

    def __init__(self, program: str) -> None:
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            [
                program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--remote-debugging-port=0", f"--user-data-dir={self._profile.name}", "about:blank",
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._address = f"http://127.0.0.1:{_listening_port(Path(self._profile.name) / 'DevToolsActivePort')}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._profile.cleanup()

    @asynccontextmanager
    async def tab(
        self, *, width: int = 1280, height: int = 900, dark: bool = False, script: bool = True
    ) -> AsyncIterator[Tab]:
        async with aiohttp.ClientSession() as http:
            async with http.put(f"{self._address}/json/new") as answer:
                target = await answer.json()
            async with http.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                tab = Tab(socket)
                await tab.prepare(width=width, height=height, dark=dark, script=script)
                try:
                    yield tab
                finally:
                    await tab.close()
            async with http.get(f"{self._address}/json/close/{target['id']}") as answer:
                await answer.read()


def _listening_port(file: Path) -> int:
    """The first of the two lines that it writes when it listens."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        lines = file.read_text().splitlines() if file.exists() else []
        if len(lines) >= 2:
            return int(lines[0])
        time.sleep(0.05)
    raise AssertionError(f"Chromium does not listen after {START_S} s")

"""Gives what is used here of the official client, the protocol's messages, without running the client around them.

`import rocketmq.grpc_protocol.definition_pb2` (rocketmq-python-client 5.1.2) would run the whole client with gRPC and
OpenTelemetry: 13 MiB in each process, a rotating log file in the home directory, and a `dictConfig` that closes the
handlers which were configured before. So its two packages are put in their places without having run. Who asks them for
anything else, like a handler file that has a client of its own, has them run then, but for their log file.
"""

import importlib
import logging
import sys
import threading
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

OFFICIAL_LOGGER = "rocketmq-python-client"

_PACKAGES = ("rocketmq", "rocketmq.grpc_protocol")
_LOG = "rocketmq.v5.log"
_waking = threading.RLock()


class _Dormant(ModuleType):
    """A package that runs when it is asked for something besides its submodules."""

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(spec.name)
        self.__spec__ = spec
        self.__loader__ = spec.loader
        self.__package__ = spec.name
        self.__file__ = spec.origin
        self.__path__ = list(spec.submodule_search_locations or ())

    def __getattr__(self, name: str) -> object:
        if name.startswith("__") and name != "__all__":
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        submodule = f"{self.__name__}.{name}"
        if PathFinder.find_spec(submodule, self.__path__) is not None:
            return importlib.import_module(submodule)
        with _waking:
            self._wake()
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}") from None

    def _wake(self) -> None:
        """Run it, once; what it imports while it runs may ask it in turn."""
        if self.__dict__.get("_awake"):
            return
        self.__dict__["_awake"] = True
        sys.modules.setdefault(_LOG, _without_file())
        spec = self.__spec__
        assert spec is not None
        assert spec.loader is not None
        try:
            spec.loader.exec_module(self)
        except BaseException:
            self.__dict__["_awake"] = False
            raise


def _without_file() -> ModuleType:
    """In place of the module that opens the log file."""
    module = ModuleType(_LOG)
    module.__dict__["logger"] = _calm()
    return module


def _calm() -> logging.Logger:
    logger = logging.getLogger(OFFICIAL_LOGGER)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.addHandler(logging.NullHandler())
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    return logger


def lay_out() -> None:
    """Put the packages in their places, unless the client has run before; to be called before any is imported.

    What the client has done to logging then is undone.
    """
    if "rocketmq" in sys.modules:
        if not isinstance(sys.modules["rocketmq"], _Dormant):
            _calm()
        return
    for name in _PACKAGES:
        parent, _, last = name.rpartition(".")
        path = sys.modules[parent].__path__ if parent else None
        spec = PathFinder.find_spec(name, path)
        if spec is None:
            raise ModuleNotFoundError(f"no module named {name!r}", name=name)
        sys.modules[name] = package = _Dormant(spec)
        if parent:
            sys.modules[parent].__dict__[last] = package

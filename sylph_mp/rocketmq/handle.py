"""Makes libcurl easy handles that speak gRPC to one proxy. Used by the connection, on the loop thread."""

import ssl

import pycurl
from msgspec import Struct

from sylph_mp.rocketmq.endpoints import Address

#: A transfer that has not begun by then never does: nobody there, or it queues behind a connection that drains.
BEGIN_S = 2.0
#: Bytes libcurl hands over at once at most; an answer of 32 messages of 1 KB fits.
BUFFER_BYTES = 256 << 10

_KEEPALIVE_IDLE_S = 20
_KEEPALIVE_INTERVAL_S = 5
_SERVICE = "apache.rocketmq.v2.MessagingService"


class Tls(Struct, frozen=True):
    """Absolute paths; "" means the system's certificates, and no certificate of one's own."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


class Target(Struct, frozen=True):
    """Where a connection goes, and how."""

    address: Address
    tls: Tls | None = None

    def url(self, method: str) -> str:
        return f"{'https' if self.tls else 'http'}://{self.address}/{_SERVICE}/{method}"


def new_handle(target: Target) -> pycurl.Curl:
    """A handle with everything set that is the same for all calls."""
    curl = pycurl.Curl()
    curl.setopt(pycurl.PIPEWAIT, 1)
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.PROXY, "")  # not one from the environment
    curl.setopt(pycurl.BUFFERSIZE, BUFFER_BYTES)
    curl.setopt(pycurl.CONNECTTIMEOUT_MS, int(BEGIN_S * 1000))
    curl.setopt(pycurl.TCP_KEEPALIVE, 1)
    curl.setopt(pycurl.TCP_KEEPIDLE, _KEEPALIVE_IDLE_S)
    curl.setopt(pycurl.TCP_KEEPINTVL, _KEEPALIVE_INTERVAL_S)
    if target.tls is None:
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE)
    else:
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS)
        _set_tls(curl, target.tls)
    return curl


def _set_tls(curl: pycurl.Curl, tls: Tls) -> None:
    if tls.ca_file:
        curl.setopt(pycurl.CAINFO, tls.ca_file)
    else:
        # The library in pycurl's wheel looks where its own build machine kept certificates.
        system = ssl.get_default_verify_paths()
        if system.cafile:
            curl.setopt(pycurl.CAINFO, system.cafile)
        if system.capath:
            curl.setopt(pycurl.CAPATH, system.capath)
    if tls.cert_file:
        curl.setopt(pycurl.SSLCERT, tls.cert_file)
        curl.setopt(pycurl.SSLKEY, tls.key_file or tls.cert_file)

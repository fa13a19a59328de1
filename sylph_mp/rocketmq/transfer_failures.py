"""Says in a few words why libcurl could not finish a transfer. Pure."""

import errno
import os
import re

import pycurl

#: In TLS errors what follows the first of these is for people who debug OpenSSL.
_NOISE = re.compile(r"\s*(\(https?://\S+\)|error:[0-9A-F]+:.*)")

_WORDS = {
    pycurl.E_COULDNT_RESOLVE_HOST: "host name not found",
    pycurl.E_GOT_NOTHING: "connection closed",
    pycurl.E_PARTIAL_FILE: "connection closed",
    pycurl.E_HTTP2: "connection closed",
}
_TLS = {
    pycurl.E_SSL_CONNECT_ERROR,
    pycurl.E_SSL_CERTPROBLEM,
    pycurl.E_SSL_CACERT_BADFILE,
    pycurl.E_PEER_FAILED_VERIFICATION,
    pycurl.E_SSL_CIPHER,
    pycurl.E_SSL_ISSUER_ERROR,
}

#: There was no connection to send anything over.
_UNCONNECTED = {pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_CONNECT} | _TLS

#: CURLE_HTTP2_STREAM, which pycurl does not name: one stream was reset, the connection is fine.
STREAM_RESET = 92


def never_sent(code: int) -> bool:
    """Whether a transfer that failed with this CURLE number cannot have reached the server."""
    return code in _UNCONNECTED


def words_for(code: int, os_error: int, text: str) -> str:
    """`code` is a CURLE number, `os_error` the errno of a failed connect or 0, `text` libcurl's own."""
    if code in _TLS:
        return f"TLS: {_NOISE.sub('', text).strip() or text}"
    if code == STREAM_RESET:
        return "stream reset by the server"
    if os_error and code in {pycurl.E_COULDNT_CONNECT, pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR}:
        return "connection refused" if os_error == errno.ECONNREFUSED else os.strerror(os_error).lower()
    if code in {pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR}:
        return "connection reset"
    if code == pycurl.E_COULDNT_CONNECT:
        return "no connection"
    return _WORDS.get(code, text)

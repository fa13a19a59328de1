import errno

import pycurl
import pytest

from sylph_mp.rocketmq.transfer_failures import STREAM_RESET, words_for


@pytest.mark.parametrize(
    ("code", "os_error", "text", "words"),
    [
        (pycurl.E_COULDNT_CONNECT, errno.ECONNREFUSED, "Failed to connect to ...", "connection refused"),
        (pycurl.E_COULDNT_CONNECT, errno.EHOSTUNREACH, "Failed to connect to ...", "no route to host"),
        (pycurl.E_COULDNT_CONNECT, 0, "Failed to connect to ...", "no connection"),
        (pycurl.E_RECV_ERROR, 0, "Recv failure: Connection reset by peer", "connection reset"),
        (pycurl.E_COULDNT_RESOLVE_HOST, 0, "Could not resolve host: proxy", "host name not found"),
        (pycurl.E_PARTIAL_FILE, 0, "end of response with 1 bytes missing", "connection closed"),
        (STREAM_RESET, 0, "HTTP/2 stream 3 was reset", "stream reset by the server"),
        (
            pycurl.E_SSL_CACERT_BADFILE,
            0,
            "error adding trust anchors from file: /x",
            "TLS: error adding trust anchors from file: /x",
        ),
    ],
)
def test_a_failure_is_told_in_a_few_words(code, os_error, text, words):
    assert words_for(code, os_error, text) == words

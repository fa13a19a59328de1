"""Who is at the other end of a unix socket. Any process."""

import socket
import struct

_CREDENTIALS = struct.Struct("3i")


def peer_pid(connected: socket.socket) -> int:
    """The process that listened on the socket that this one is connected to (SO_PEERCRED of unix(7))."""
    credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, _uid, _gid = _CREDENTIALS.unpack(credentials)
    return int(pid)

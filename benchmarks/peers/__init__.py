"""The official clients as small programs, each a process of its own that prints how many messages it has handled.

    python -m benchmarks.peers.push ENDPOINT TOPIC GROUP [FILE]

With a file they note each message there: its number, when it was sent and when it came, u64 each, nanoseconds.
They end when their standard input does.
"""

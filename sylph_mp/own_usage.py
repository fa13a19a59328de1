"""CPU time and memory of this process, in a few microseconds: it is asked once a second, also of those at rest."""

import resource


def cpu_s() -> float:
    """User and system, of all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def rss_bytes() -> int:
    """Resident memory; proc(5): the second number of `statm`, in pages."""
    with open("/proc/self/statm", "rb", buffering=0) as file:
        return int(file.read(64).split()[1]) * resource.getpagesize()

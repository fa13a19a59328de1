"""Asks all questions one after the other with one RocketMQ of its own, then writes the page: `make bench`.

python -m benchmarks [--rounds N] [QUESTION...]
"""

import argparse
import subprocess
import sys

from benchmarks import page
from benchmarks.question import own_broker

QUESTIONS = tuple(page.questions())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, help="instead of each question's own number")
    parser.add_argument("questions", nargs="*", metavar="QUESTION", help=f"of: {', '.join(QUESTIONS)}; all if none")
    options = parser.parse_args()
    if unknown := set(options.questions) - set(QUESTIONS):
        parser.error(f"no such question: {', '.join(sorted(unknown))}; there are {', '.join(QUESTIONS)}")
    failed = []
    with own_broker() as broker:
        for question in options.questions or QUESTIONS:
            print(f"\n{question}", flush=True)
            command = [sys.executable, "-m", f"benchmarks.{question}", "--endpoint", broker.endpoint]
            command += ["--namesrv", broker.namesrv, *(["--rounds", str(options.rounds)] if options.rounds else [])]
            if subprocess.run(command, check=False).returncode:
                failed.append(question)
    page.main()
    if failed:
        print(f"without an answer: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())

"""`make bench`: every benchmark, one after the other; each prints its own table."""

import asyncio
import sys

from benchmarks import delivery

NAMES = {"delivery": delivery}


def main() -> None:
    """Run the named benchmarks, or all."""
    chosen = sys.argv[1:] or list(NAMES)
    for name in chosen:
        asyncio.run(NAMES[name].run())


if __name__ == "__main__":
    main()

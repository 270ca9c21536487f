"""``python -m tests.guards``: what the hottest paths cost, beside the baseline; ``--renew`` keeps it as that.

``--json`` prints the counts alone, ``--where`` also the functions behind them. The database is its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.guards.paths import HotPath

TURNS = 7
WARM_UP = 3
SHOWN = 12

Counts = dict[str, dict[str, float]]


def prepare_django(folder: Path) -> None:
    """A migrated database in ``folder``, and settings that do not depend on whose shell this is."""
    from tests.servers import django_environment

    os.environ |= django_environment(folder / "guards.sqlite3", folder)
    os.environ |= {"DJANGO_SETTINGS_MODULE": "deepstream_project.settings", "LOG_LEVEL": "WARNING"}
    os.environ |= {"DEEPSTREAM_CONFIG_DIRECTORY": str(folder), "DEEPSTREAM_COMPILED": "0"}
    for name in ("REDIS_URL", "DEBUG"):
        os.environ.pop(name, None)
    (folder / "config.yml").write_text("logLevel: WARN\npermission: {type: none}\nauth: [{type: none}]\n")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


async def count_all(tell: Callable[[HotPath, list[tuple[str, int]]], None]) -> Counts:
    """The counts of every path, each on a fresh application; ``tell`` gets the functions of its last turn."""
    from tests.guards.counting import Meter
    from tests.guards.paths import PATHS
    from tests.guards.stack import Stack

    meter = Meter()
    counts: Counts = {}
    with meter.installed():
        for path in PATHS:
            async with Stack.running(meter) as stack:
                turn = await path.prepare(stack)
                seen = []
                for _ in range(WARM_UP + TURNS):
                    meter.start()
                    await turn()
                    seen.append(meter.stop())
                tell(path, meter.by_function())
            counts[path.name] = {
                field: round(statistics.median(column[WARM_UP:]) / path.operations, 1)
                for field, column in zip(("bytecodes", "c_calls"), zip(*seen, strict=True), strict=True)
            }
    return counts


def print_functions(path: HotPath, functions: list[tuple[str, int]]) -> None:
    """The functions that execute most of a path's bytecodes."""
    print(path.name)
    for name, count in functions[:SHOWN]:
        print(f"{count / path.operations:12,.1f}  {name}")


def main() -> None:
    """Count, and print or keep."""
    parser = argparse.ArgumentParser(prog="python -m tests.guards", description=__doc__)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--renew", action="store_true", help="make this the baseline")
    choice.add_argument("--json", action="store_true", help="print the counts alone")
    choice.add_argument("--where", action="store_true", help="print the functions that execute the most, too")
    options = parser.parse_args()
    import uvloop

    with tempfile.TemporaryDirectory(prefix="guards-") as folder:
        prepare_django(Path(folder))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            counts = runner.run(count_all(print_functions if options.where else lambda *_: None))
    from tests.guards.baseline import comparison, keep

    if options.json:
        json.dump(counts, sys.stdout)
        return
    print(comparison(counts))
    if options.renew:
        keep(counts)


if __name__ == "__main__":
    main()

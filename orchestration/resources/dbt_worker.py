"""dbt kept ready: a process that holds dbt and the parsed project, and a copy of itself for each invocation.

Started by `dbt_process` as `python dbt_worker.py PARTIAL_PARSE`. It reads one invocation a line, as JSON with
`arguments` and `environment`, and answers with dbt's events as lines of JSON and a last line that holds `ended`, the
exit code. Each invocation is a process of its own: what dbt notes in the manifest, and a fault that ends it, stay
there.
"""

import gc
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import SeedNode
from dbt.parser.manifest import extended_mashumuro_decoder
from dbt_common.events.base_types import EventMsg
from dbt_common.events.functions import env_scrubber, msg_to_json

# dbt's own loggers write every event as JSON before they ask whether its level is wanted.
_SILENT = ("--log-level", "none", "--log-level-file", "none")
_FAILED, _BROKEN = 1, 2


def main() -> None:
    """Serve invocations until standard input ends, which it does with the process that asks for them."""
    manifest = Manifest.from_msgpack(Path(sys.argv[1]).read_bytes(), decoder=extended_mashumuro_decoder)
    manifest.build_flat_graph()
    # Copies share memory only while nobody touches it, and the collector touches everything.
    gc.freeze()
    # Ctrl+C reaches all processes of a terminal: the invocation is to end first, and tell how.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in sys.stdin:
        asked = json.loads(line)
        process = os.fork()
        if process == 0:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            _tell({"started": os.getpid()})
            code = _invoke(manifest, asked["arguments"], asked["environment"])
            sys.stdout.flush()
            # Nothing of the process that it is a copy of is left to be cleared away here.
            os._exit(code)
        _, status = os.waitpid(process, 0)
        _tell({"ended": os.waitstatus_to_exitcode(status)})


def _invoke(manifest: Manifest, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(environment["DBT_PROJECT_DIR"])
    for node in manifest.nodes.values():
        if isinstance(node, SeedNode):
            # The project may have been parsed elsewhere; its seeds hold the parameters of the home that it runs in.
            node.root_path = environment["DBT_PROJECT_DIR"]
    with (Path(environment["DBT_LOG_PATH"]) / "dbt.log").open("w", encoding="utf-8") as log:

        def tell(event: EventMsg) -> None:
            if event.info.level != "debug":
                line = env_scrubber(msg_to_json(event))
                sys.stdout.write(line + "\n")
                sys.stdout.flush()
                log.write(line + "\n")

        done = dbtRunner(manifest=manifest, callbacks=[tell]).invoke([*_SILENT, *arguments])
        if done.exception is not None:
            sys.stdout.write(f"{done.exception}\n")
    DuckDBConnectionManager.close_all_connections()
    if done.exception is not None:
        return _BROKEN
    return 0 if done.success else _FAILED


def _tell(what: Mapping[str, Any]) -> None:
    # An invocation that was killed may have left half a line.
    os.write(sys.stdout.fileno(), f"\n{json.dumps(what)}\n".encode())


if __name__ == "__main__":
    main()

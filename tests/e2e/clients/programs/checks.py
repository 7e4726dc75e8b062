"""Runs the functions of a module whose names begin with `test_`, and prints a line of JSON for each.

For the Python that has the clients: it has no pytest, and starting it costs more than most of these functions.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import traceback


def main(module_name: str, *wanted: str) -> None:
    """Run all of a module's functions, or those that are named."""
    module = importlib.import_module(module_name)
    if hasattr(module, "prepare"):
        module.prepare()
    for name, function in list(vars(module).items()):
        if not name.startswith("test_") or (wanted and name not in wanted):
            continue
        began, failure = time.monotonic(), None
        try:
            function()
        except Exception:
            failure = traceback.format_exc()
        print(json.dumps({"name": name, "failure": failure, "seconds": round(time.monotonic() - began, 2)}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

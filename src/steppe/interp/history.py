"""History events, in the service's names and numbering.

An event is the JSON object that GetExecutionHistory answers, with the time stamp in epoch milliseconds:

    {"timestamp": 1790199887084, "type": "PassStateEntered", "id": 2, "previousEventId": 0,
     "stateEnteredEventDetails": {"name": "A", "input": "{}", "inputDetails": {"truncated": false}}}

A plain dict on purpose: a Map Run makes millions of them, and they are written as they are.
"""

from __future__ import annotations

from typing import TypeAlias

from steppe.base.jsonvalue import JsonValue

HistoryEvent: TypeAlias = dict[str, JsonValue]

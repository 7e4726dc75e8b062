"""`elasticmapreduce:modifyInstanceFleetByName` and `modifyInstanceGroupByName`: the API wants ids, tasks have names."""

from __future__ import annotations

from steppe.base.errors import Fault
from steppe.base.jsonvalue import JsonValue
from steppe.integrations.optimized import OptimizedService

BY_NAME = {"modifyInstanceFleetByName": "InstanceFleet", "modifyInstanceGroupByName": "InstanceGroup"}
"""The actions, and what each is about."""


async def modify_by_name(service: OptimizedService, action: str, arguments: dict[str, JsonValue]) -> JsonValue:
    """Find the fleet or group of a cluster by its name, and modify it.

    Raises:
        Fault: ElasticMapReduce.InvalidRequestException, the cluster has none of this name; or a refusal of the API.
    """
    kind = BY_NAME[action]
    cluster, name, change = arguments.get("ClusterId"), arguments.get(f"{kind}Name"), arguments.get(kind)
    if not isinstance(change, dict):
        raise Fault("States.Runtime", f"The value for the field '{kind}' must be a STRUCTURE")
    marker: JsonValue = None
    while True:
        page = {"ClusterId": cluster} | ({"Marker": marker} if marker else {})
        listed = await service.call(f"List{kind}s", page)
        for entry in listed.get(f"{kind}s", []):
            if entry.get("Name") == name:
                changed = change | {f"{kind}Id": entry.get("Id")}
                if kind == "InstanceFleet":
                    wanted = {"ClusterId": cluster, kind: changed}
                    return await service.call("ModifyInstanceFleet", wanted, metadata=True)
                return await service.call(
                    "ModifyInstanceGroups", {"ClusterId": cluster, f"{kind}s": [changed]}, metadata=True
                )
        marker = listed.get("Marker")
        if not marker:
            text = f"The cluster {cluster} has no {kind} named {name}"
            raise Fault(f"{service.prefix}.InvalidRequestException", text)

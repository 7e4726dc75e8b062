"""Work groups with their tags and engine versions: `primary` is always there, others are made and deleted."""

from __future__ import annotations

from collections.abc import Callable

from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.services.athena.refusals import count_of, invalid, object_of, text_of, violated
from steppe.stores.queries import Document, QueryStore
from steppe.stores.saved_queries import SavedQueryStore

ENGINE_VERSION = "Athena engine version 3"
_FLAGS = ("EnforceWorkGroupConfiguration", "PublishCloudWatchMetricsEnabled", "RequesterPaysEnabled",
          "EnableMinimumEncryptionConfiguration")  # fmt: skip
_UNSUPPORTED = ("EncryptionConfiguration", "ExpectedBucketOwner", "AclConfiguration")
_UPDATES = frozenset({*_FLAGS, "ResultConfigurationUpdates", "BytesScannedCutoffPerQuery",
                      "RemoveBytesScannedCutoffPerQuery", "EngineVersion"})  # fmt: skip
_CONFIGURATION = frozenset({*_FLAGS, "ResultConfiguration", "BytesScannedCutoffPerQuery", "EngineVersion"})
_DEFAULTS = {"EnforceWorkGroupConfiguration": True, "PublishCloudWatchMetricsEnabled": True,
             "RequesterPaysEnabled": False, "EnableMinimumEncryptionConfiguration": False}  # fmt: skip
_AUTO = {"SelectedEngineVersion": "AUTO"}
_HIDDEN = ("LocationWasSet", "Tags")
_SCAN_CUTOFF_LEAST = 10_000_000
TAGS_MAX = 50
"""Tags of one work group. Athena, TagResource."""


class WorkGroups:
    """The work groups of one server."""

    def __init__(
        self, store: QueryStore, saved: SavedQueryStore, *, account: str, output_location: str, clock: Callable[[], int]
    ) -> None:
        """Take where the groups and what they hold are kept.

        Args:
            store: of the groups.
            saved: of their named queries and prepared statements.
            account: whose they are.
            output_location: of `primary` until it is given another.
            clock: epoch milliseconds.
        """
        self._store = store
        self._saved = saved
        self._account = account
        self._output_location = output_location
        self._clock = clock

    def ensure_primary(self) -> None:
        """Make `primary` if it is not there. May be called twice."""
        if self._store.work_group("primary") is not None:
            return
        self._store.put_work_group(
            {
                "Name": "primary",
                "State": "ENABLED",
                "CreationTime": self._clock(),
                "Configuration": {"ResultConfiguration": {}, **dict.fromkeys(_FLAGS, False)},
            }
        )

    def find(self, name: str) -> Document:
        """A work group's document with its configuration as it holds now.

        Raises:
            ApiError: there is none of the name.
        """
        document = self._store.work_group(name)
        if document is None:
            raise invalid("WorkGroup is not found.")
        if name == "primary" and self._output_location and not document.get("LocationWasSet"):
            result = {"OutputLocation": self._output_location, **document["Configuration"]["ResultConfiguration"]}
            document = {**document, "Configuration": {**document["Configuration"], "ResultConfiguration": result}}
        return document

    def create_work_group(self, members: Document) -> Document:
        """CreateWorkGroup."""
        name = text_of(members, "Name", needed=True) or ""
        if self._store.work_group(name) is not None:
            raise invalid("WorkGroup is already created")
        given = object_of(members, "Configuration")
        for member in given:
            if member not in _CONFIGURATION:
                raise invalid(f"{member} is not supported")
        result = object_of(given, "ResultConfiguration")
        updates = {key: value for key, value in given.items() if key != "ResultConfiguration"}
        configuration = self._updated(
            {"ResultConfiguration": {}, **_DEFAULTS}, {**updates, "ResultConfigurationUpdates": result}
        )
        described = text_of(members, "Description")
        self._store.put_work_group(
            {
                "Name": name,
                "State": "ENABLED",
                "CreationTime": self._clock(),
                "Configuration": configuration,
                **({"Description": described} if described else {}),
                "Tags": _merged({}, members.get("Tags")),
            }
        )
        return {}

    def delete_work_group(self, members: Document) -> Document:
        """DeleteWorkGroup; what it holds goes with it, if that is asked for."""
        name = text_of(members, "WorkGroup", needed=True) or ""
        if name == "primary":
            raise invalid("The primary workgroup cannot be deleted.")
        self.find(name)
        if not members.get("RecursiveDeleteOption") and self._saved.any_of(name):
            raise invalid("WorkGroup is not empty")
        self._saved.drop_of(name)
        self._store.drop_work_group(name)
        return {}

    def get_work_group(self, members: Document) -> Document:
        """GetWorkGroup."""
        document = self.find(text_of(members, "WorkGroup", needed=True) or "")
        selected = document["Configuration"].get("EngineVersion", {}).get("SelectedEngineVersion", "AUTO")
        engine = {"SelectedEngineVersion": selected, "EffectiveEngineVersion": ENGINE_VERSION}
        shown = {key: value for key, value in document.items() if key not in _HIDDEN}
        return {"WorkGroup": {**shown, "Configuration": {**document["Configuration"], "EngineVersion": engine}}}

    def list_work_groups(self, members: Document) -> Document:
        """ListWorkGroups: by name."""
        limit = count_of(members, default=50, most=50)
        found = self._store.work_groups(after=text_of(members, "NextToken") or "", limit=limit + 1)
        summaries = [
            {
                "Name": d["Name"],
                "State": d["State"],
                "Description": d.get("Description", ""),
                "CreationTime": d["CreationTime"],
                "EngineVersion": {
                    "SelectedEngineVersion": d["Configuration"].get("EngineVersion", _AUTO)["SelectedEngineVersion"],
                    "EffectiveEngineVersion": ENGINE_VERSION,
                },
            }
            for d in found[:limit]
        ]
        more = {"NextToken": found[limit - 1]["Name"]} if len(found) > limit else {}
        return {"WorkGroups": summaries, **more}

    def update_work_group(self, members: Document) -> Document:
        """UpdateWorkGroup."""
        name = text_of(members, "WorkGroup", needed=True) or ""
        if self._store.work_group(name) is None:
            raise invalid("WorkGroup is not found.")
        document = dict(self._store.work_group(name) or {})
        state = text_of(members, "State")
        if state not in (None, "ENABLED", "DISABLED"):
            raise violated("state", "satisfy enum value set: [ENABLED, DISABLED]", state)
        if state:
            document["State"] = state
        if members.get("Description") is not None:
            document["Description"] = text_of(members, "Description")
        updates = object_of(members, "ConfigurationUpdates")
        for member in updates:
            if member not in _UPDATES:
                raise invalid(f"{member} is not supported")
        document["Configuration"] = self._updated(dict(document["Configuration"]), updates)
        if "ResultConfigurationUpdates" in updates:
            document["LocationWasSet"] = True
        self._store.put_work_group(document)
        return {}

    def list_engine_versions(self, members: Document) -> Document:
        """ListEngineVersions."""
        count_of(members, default=10, most=10)
        chosen = ("AUTO", ENGINE_VERSION)
        shown = [{"SelectedEngineVersion": v, "EffectiveEngineVersion": ENGINE_VERSION} for v in chosen]
        return {"EngineVersions": shown}

    def tag_resource(self, members: Document) -> Document:
        """TagResource of a work group."""
        document = self._named(members)
        self._store.put_work_group({**document, "Tags": _merged(document.get("Tags") or {}, members.get("Tags"))})
        return {}

    def untag_resource(self, members: Document) -> Document:
        """UntagResource of a work group."""
        document, gone = self._named(members), members.get("TagKeys") or []
        kept = {key: value for key, value in (document.get("Tags") or {}).items() if key not in gone}
        self._store.put_work_group({**document, "Tags": kept})
        return {}

    def list_tags_for_resource(self, members: Document) -> Document:
        """ListTagsForResource of a work group: all of them, they are few."""
        tags = self._named(members).get("Tags") or {}
        return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())]}

    def _named(self, members: Document) -> Document:
        """The stored document of the work group whose ARN is given."""
        arn = text_of(members, "ResourceARN", needed=True) or ""
        head, _, name = arn.partition(":workgroup/")
        parts = head.split(":")
        if len(parts) != 5 or parts[0] != "arn" or parts[2] != "athena" or parts[4] != self._account:
            raise invalid(f"{arn} is not the ARN of a work group of this account")
        document = self._store.work_group(name)
        if document is None:
            raise ApiError("ResourceNotFoundException", "WorkGroup is not found.", fields={"ResourceName": arn})
        return document

    def _updated(self, configuration: Document, updates: Document) -> Document:
        for flag in _FLAGS:
            if isinstance(updates.get(flag), bool):
                configuration[flag] = updates[flag]
        result = object_of(updates, "ResultConfigurationUpdates")
        held = dict(configuration.get("ResultConfiguration") or {})
        refuse_members(result)
        if result.get("RemoveOutputLocation"):
            held.pop("OutputLocation", None)
        if result.get("OutputLocation") is not None:
            held["OutputLocation"] = location(result["OutputLocation"])
        configuration["ResultConfiguration"] = held
        cutoff = updates.get("BytesScannedCutoffPerQuery")
        if cutoff is not None:
            if not isinstance(cutoff, int) or cutoff < _SCAN_CUTOFF_LEAST:
                raise invalid(f"BytesScannedCutoffPerQuery must be at least {_SCAN_CUTOFF_LEAST}")
            configuration["BytesScannedCutoffPerQuery"] = cutoff
        if updates.get("RemoveBytesScannedCutoffPerQuery"):
            configuration.pop("BytesScannedCutoffPerQuery", None)
        version = object_of(updates, "EngineVersion").get("SelectedEngineVersion")
        if version is not None:
            if version not in ("AUTO", ENGINE_VERSION):
                raise invalid(f"The engine version {version} is not supported")
            configuration["EngineVersion"] = {"SelectedEngineVersion": version}
        return configuration


def _merged(tags: Document, given: JsonValue) -> Document:
    """Tags with those of a request added.

    Raises:
        ApiError: one has no key, or they are too many.
    """
    if any("Key" not in tag for tag in given or []):
        raise invalid("A tag needs a Key")
    merged = {**tags, **{tag["Key"]: tag.get("Value", "") for tag in given or []}}
    if len(merged) > TAGS_MAX:
        raise invalid(f"A work group can have {TAGS_MAX} tags at most")
    return merged


def refuse_members(result: Document) -> None:
    """Refuse what a result configuration may ask for and the object store does not do.

    Raises:
        ApiError: with the member's name.
    """
    for member in _UNSUPPORTED:
        if result.get(member) is not None:
            raise invalid(f"{member} is not supported")


def location(said: JsonValue) -> str:
    """An output location as it was given, when it is one.

    Raises:
        ApiError: it is no `s3://bucket[/prefix]`.
    """
    if not isinstance(said, str) or not said.startswith("s3://") or not said[5:].split("/", 1)[0]:
        raise invalid("outputLocation is not a valid S3 path.")
    return said

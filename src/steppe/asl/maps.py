"""What a Map's blocks have to be beyond their declarations."""

from __future__ import annotations

import re
from typing import Final

from steppe.asl.model import ItemBatcher, ItemReader, Map, ReaderConfig, ResultWriter
from steppe.asl.place import Place
from steppe.base.jsonvalue import JsonValue

READERS: Final = ("s3:getObject", "s3:listObjectsV2")
WRITER: Final = "s3:putObject"

_INTEGRATION = re.compile(r"arn:[^:]+:states:::(.+)")
_DISTRIBUTED_ONLY: Final = ("ItemReader", "ItemBatcher", "ResultWriter", "Label")
"""Refused inline. The tolerated failures are not: AWS accepts them there (recorded in July 2025)."""

_LABEL_FORBIDDEN = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")
LABEL_LENGTH_MAX: Final = 40
ITEMS_POINTER_LENGTH_MAX: Final = 2_000


def integration_of(resource: str) -> str | None:
    """The part of an integration's ARN that names it, for example "s3:getObject"; None for another text."""
    found = _INTEGRATION.fullmatch(resource)
    return found.group(1) if found else None


def check_map(state: Map, value: dict[str, JsonValue], place: Place) -> None:
    """The mode, and what belongs to one mode only."""
    processor = state.processor
    if processor is None:
        return
    config = processor.config
    if config is not None:
        inner = place.at(*processor.pointer[len(place.pointer) :], "ProcessorConfig")
        if state.distributed and config.execution_type is None:
            inner.error("These fields are required: [ExecutionType]")
        elif not state.distributed and config.execution_type is not None:
            inner.error("Field 'ExecutionType' is not supported")
    if not state.distributed:
        for name in _DISTRIBUTED_ONLY:
            if name in value:
                place.error_of(name, f"Field '{name}' is not supported")
    elif state.label is not None and (
        not 1 <= len(state.label) <= LABEL_LENGTH_MAX or _LABEL_FORBIDDEN.search(state.label)
    ):
        too_long = len(state.label) > LABEL_LENGTH_MAX
        limit = f" exceeds the {LABEL_LENGTH_MAX}-character limit allowed by the service" if too_long else ""
        place.at("Label").error(f"Invalid Label name: {state.label[:100]}{limit}", "INVALID_LABEL_NAME")


def check_reader(reader: ItemReader, value: dict[str, JsonValue], place: Place) -> None:
    """The resource, and the configuration that goes with it."""
    if reader.resource is None:
        return
    resource = integration_of(reader.resource)
    if resource not in READERS:
        place.at("Resource").error("The field 'Resource' does not match any of the allowed values")
        return
    inner = place.at("ReaderConfig")
    config = reader.config
    if config is None:
        if resource == "s3:getObject" and "ReaderConfig" not in value:
            place.error("These fields are required: [ReaderConfig]")
        return
    written: dict[str, JsonValue] = value["ReaderConfig"]
    if resource == "s3:getObject":
        _check_file(config, written, inner)
    else:
        _check_listing(config, written, inner)
    _check_csv(config, written, inner)
    if config.items_pointer is not None:
        _check_items_pointer(config.items_pointer, config.input_type, inner)


def _check_file(config: ReaderConfig, written: dict[str, JsonValue], place: Place) -> None:
    """A data file, or a manifest: an inventory says itself what its files are, an Athena manifest does not."""
    if config.manifest_type == "S3_INVENTORY":
        if config.input_type not in (None, "MANIFEST"):
            place.error("Field 'InputType' is not supported")
    elif "InputType" not in written:
        place.error("These fields are required: [InputType]")
    elif config.manifest_type == "ATHENA_DATA" and config.input_type == "MANIFEST":
        place.at("InputType").error("Value should be one of the following: [CSV, JSON, JSONL, PARQUET]")
    if config.transformation == "LOAD_AND_FLATTEN":
        place.error("Field 'Transformation' is not supported")


def _check_listing(config: ReaderConfig, written: dict[str, JsonValue], place: Place) -> None:
    """Objects as items, or files that are loaded and flattened."""
    flattened = config.transformation == "LOAD_AND_FLATTEN"
    if flattened and "InputType" not in written:
        place.error("These fields are required: [InputType]")
    if flattened and config.input_type == "MANIFEST":
        place.at("InputType").error("Value should be one of the following: [CSV, JSON, JSONL, PARQUET]")
    if not flattened and "InputType" in written:
        place.error("Field 'InputType' is not supported")
    if "ManifestType" in written:
        place.error("Field 'ManifestType' is not supported")


def _check_csv(config: ReaderConfig, written: dict[str, JsonValue], place: Place) -> None:
    if config.input_type == "CSV":
        if "CSVHeaderLocation" not in written:
            place.error("The field 'CSVHeaderLocation' is required")
        elif config.csv_header_location == "GIVEN" and "CSVHeaders" not in written:
            place.error("These fields are required: [CSVHeaders]")
        elif config.csv_header_location == "FIRST_ROW" and "CSVHeaders" in written:
            place.error("Field 'CSVHeaders' is not supported")
        return
    for name in ("CSVHeaderLocation", "CSVHeaders", "CSVDelimiter"):
        if name in written:
            place.error_of(name, f"Field '{name}' is not supported")


def _check_items_pointer(pointer: str, input_type: str | None, place: Place) -> None:
    """A JSON Pointer: each of its names after a slash, `~` only as `~0` and `~1`."""
    if input_type != "JSON":
        place.error("Field 'ItemsPointer' is not supported")
    elif len(pointer) >= ITEMS_POINTER_LENGTH_MAX or not re.fullmatch(r"(?:/(?:[^/~]|~[01])*)*", pointer):
        place.at("ItemsPointer").error("Value must be a valid JSON Pointer")


def check_batcher(batcher: ItemBatcher, value: dict[str, JsonValue], place: Place) -> None:
    """One of the limits has to be there."""
    limits = ("MaxItemsPerBatch", "MaxItemsPerBatchPath", "MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath")
    if not value.keys() & set(limits):
        place.error(f"This object should have at least one of the following fields: [{', '.join(limits)}]")


def check_writer(writer: ResultWriter, value: dict[str, JsonValue], place: Place) -> None:
    """WriterConfig alone, or a destination (with or without WriterConfig)."""
    arguments = "Arguments" if place.language == "JSONata" else "Parameters"
    if "Resource" not in value and arguments not in value:
        if "WriterConfig" not in value:
            place.error("This object should have at least one of the following fields: [Resource, WriterConfig]")
        return
    if writer.resource is not None and integration_of(writer.resource) != WRITER:
        place.at("Resource").error("The field 'Resource' does not match any of the allowed values")
    for name in ("Resource", arguments):
        if name not in value:
            place.error(f"These fields are required: [{name}]")

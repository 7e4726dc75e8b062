"""XML documents by shape: S3's request bodies to values, outputs to documents.

Documents with a DTD are refused before they are parsed: nothing in S3's protocol needs one, and entities are how a
small document becomes a large one.
"""

from __future__ import annotations

import base64
import binascii
from xml.etree import ElementTree

from botocore.model import ListShape, MapShape, Shape, StructureShape

from steppe.base import timestamps
from steppe.base.errors import ApiError
from steppe.base.jsonvalue import JsonValue
from steppe.wire.xmltext import escape


def parse_body(shape: StructureShape, body: bytes) -> dict[str, JsonValue]:
    """The members of a structure from its document; the root element's name and namespaces are not looked at.

    Raises:
        ApiError: MalformedXML.
    """
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise malformed()
    try:
        root = ElementTree.fromstring(body)  # noqa: S314  see above
    except (ElementTree.ParseError, ValueError, LookupError):
        raise malformed() from None
    return _structure(shape, root)


def malformed() -> ApiError:
    """The refusal of a document that S3's schema does not allow."""
    text = "The XML you provided was not well-formed or did not validate against our published schema"
    return ApiError("MalformedXML", text)


def write_body(shape: StructureShape, value: JsonValue, *, root: str, namespace: str) -> bytes:
    """A structure as a document, without the XML declaration. None and members that go elsewhere are left out."""
    parts = [f'<{root} xmlns="{namespace}">']
    _write_members(shape, value, parts)
    parts.append(f"</{root}>")
    return "".join(parts).encode("utf-8", "replace")


def _structure(shape: StructureShape, element: ElementTree.Element) -> dict[str, JsonValue]:
    children: dict[str, list[ElementTree.Element]] = {}
    for child in element:
        children.setdefault(_local(child.tag), []).append(child)
    members: dict[str, JsonValue] = {}
    for name, member in shape.members.items():
        found = children.get(_element_name(name, member))
        if not found:
            continue
        if isinstance(member, ListShape) and member.serialization.get("flattened"):
            members[name] = [_value(member.member, child) for child in found]
        else:
            members[name] = _value(member, found[0])
    if any(name not in members for name in shape.required_members):
        raise malformed()
    return members


def _value(shape: Shape, element: ElementTree.Element) -> JsonValue:
    if isinstance(shape, StructureShape):
        return _structure(shape, element)
    if isinstance(shape, ListShape):
        return [_value(shape.member, child) for child in element]
    text = element.text or ""
    try:
        match shape.type_name:
            case "integer" | "long":
                return int(text.strip()[:20])
            case "float" | "double":
                return float(text)
            case "boolean":
                return {"true": True, "false": False, "1": True, "0": False}[text.strip().lower()]
            case "blob":
                return base64.b64decode(text, validate=True)
            case "timestamp":
                moment = timestamps.parse_ms(text.strip())
                if moment is None:
                    raise malformed()
                return moment
            case _:
                return text
    except (ValueError, KeyError, binascii.Error):
        raise malformed() from None


def _write_members(shape: StructureShape, value: JsonValue, parts: list[str]) -> None:
    for name, member in shape.members.items():
        inner = value.get(name)
        if inner is None or "location" in member.serialization or member.serialization.get("xmlAttribute"):
            continue
        _write(_element_name(name, member), member, inner, parts)


def _write(name: str, shape: Shape, value: JsonValue, parts: list[str]) -> None:
    if isinstance(shape, StructureShape):
        parts.append(f"<{name}{_attributes(shape, value)}>")
        _write_members(shape, value, parts)
        parts.append(f"</{name}>")
    elif isinstance(shape, ListShape):
        if shape.serialization.get("flattened"):
            for inner in value:
                _write(name, shape.member, inner, parts)
        else:
            parts.append(f"<{name}>")
            element = str(shape.member.serialization.get("name", "member"))
            for inner in value:
                _write(element, shape.member, inner, parts)
            parts.append(f"</{name}>")
    else:
        assert not isinstance(shape, MapShape)
        parts.append(f"<{name}>{escape(_text(shape, value))}</{name}>")


def _attributes(shape: StructureShape, value: JsonValue) -> str:
    """Members that are attributes: only `xsi:type` of a grantee in S3's model."""
    text = ""
    for name, member in shape.members.items():
        if member.serialization.get("xmlAttribute") and value.get(name) is not None:
            space = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
            text += f'{space} {member.serialization["name"]}="{escape(str(value[name]))}"'
    return text


def _text(shape: Shape, value: JsonValue) -> str:
    match shape.type_name:
        case "boolean":
            return "true" if value else "false"
        case "timestamp":
            return timestamps.to_text(value)
        case "blob":
            return base64.b64encode(value).decode("ascii")
        case _:
            return str(value)


def _element_name(name: str, shape: Shape) -> str:
    if isinstance(shape, ListShape) and shape.serialization.get("flattened"):
        return str(shape.serialization.get("name", shape.member.serialization.get("name", name)))
    return str(shape.serialization.get("name", name))


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]

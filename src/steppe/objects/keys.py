"""Keys and paths: every S3 key has one place inside its bucket's folder, and every file there has one key.

A key's segments (between slashes) are names of folders, the last one is the file's name: `photos/2026/a.png` is that
very path. What a file system cannot hold as a name is escaped. An escaped name begins with `%` and a mark:

    %!<text>    a segment that is "", "." or "..", holds NUL, or has over 255 bytes; in it, % is %25 and NUL is %00
    %=<text>    the object `a` where a folder `a` stands in its place (there are also keys `a/...`)
    %+<text>    a folder: the first 240 bytes of a longer escaped segment, which goes on inside
    %~<text>    in a key, never on disk: a file that was copied in under a name that is not UTF-8; its bytes as %XX

So `folder/` is `folder/%!`, `a//b` is `a/%!/b`, `../x` is `%!../x`. Names are only read as escaped when they are
spelled exactly as escaping spells them; a segment that happens to be spelled so is itself escaped. All other names with
a percent sign, such as `100%.txt` or `a%20b`, are what they look like, on disk and as keys.

Three files copied in are not seen: `%!` itself outside of any folder, one whose name is the escaped spelling of a key
that is also there under its own name, and one inside a folder named as a `%+` piece but not spelled as one. Names are
compared byte by byte: on a file system that folds case or normalises Unicode, keys that it cannot tell apart are one
object.
"""

from __future__ import annotations

import re
from urllib.parse import quote_from_bytes, unquote_to_bytes

from steppe.base.errors import ApiError

KEY_BYTES_MAX = 1024
"""S3's limit on a key, UTF-8."""

NAME_BYTES_MAX = 255
"""What Linux's file systems hold in one name."""

PIECE_BYTES_MAX = 240

_ESCAPED = re.compile(r"%(25|00)")
_NOT_ON_DISK = frozenset({"", ".", ".."})


def check_key(key: str) -> None:
    """Refuse what is no key.

    Raises:
        ApiError: KeyTooLongError, InvalidArgument for "" and for what is not Unicode text.
    """
    try:
        size = len(key) if key.isascii() else len(key.encode())
    except UnicodeEncodeError:
        raise ApiError("InvalidArgument", "The key is not valid Unicode text") from None
    if size > KEY_BYTES_MAX:
        fields = {"Size": size, "MaxSizeAllowed": KEY_BYTES_MAX}
        raise ApiError("KeyTooLongError", "Your key is too long", fields=fields)
    if not size:
        raise ApiError("InvalidArgument", "A key has at least one character")


def path_of_key(key: str) -> str:
    """The path of a key, relative to its bucket's folder."""
    if _is_ordinary(key):
        return key
    return "/".join(map(path_of_segment, key.split("/")))


def alternative_path(key: str) -> str:
    """Where the object is when a folder has its place."""
    folder, slash, last = key.rpartition("/")
    return (path_of_key(folder) if folder else path_of_segment("") if slash else "") + slash + _escape(last, "=")


def path_of_segment(segment: str) -> str:
    """The name of one segment; several, with slashes, when it is long."""
    if segment.startswith("%~"):
        raw = _raw_name(segment)
        if raw is not None:
            return raw
    if (
        segment in _NOT_ON_DISK
        or "\0" in segment
        or len(segment.encode("utf-8", "surrogatepass")) > NAME_BYTES_MAX
        or (segment[0] == "%" and (segment_of_name(segment) != (segment, False) or is_piece(segment)))
    ):
        return _escape(segment, "!")
    return segment


def segment_of_name(name: str) -> tuple[str, bool]:
    """The segment that a name on disk (or several, joined by slashes) stands for, and whether it is marked `%=`."""
    if name[0] == "%" and len(name) > 1:
        mark = name.rpartition("/")[2][:2]
        if mark in ("%!", "%="):
            segment = _unescape(name)
            if segment is not None and _escape(segment, mark[1]) == name and (mark == "%=" or _needs_escape(segment)):
                return segment, mark == "%="
    if not name.isascii():
        try:
            name.encode()
        except UnicodeEncodeError:
            # The name is not UTF-8; Python holds its odd bytes as lone surrogates.
            return "%~" + quote_from_bytes(name.encode("utf-8", "surrogateescape"), safe=_SAFE), False
    return name, False


def is_piece(name: str) -> bool:
    """Whether a folder's name is the first part of a longer segment."""
    return name.startswith("%+") and len(name.encode("utf-8", "surrogateescape")) > PIECE_BYTES_MAX - 4


_SAFE = " !\"#$&'()*+,-.:;<=>?@[\\]^_`{|}~"


def _is_ordinary(key: str) -> bool:
    """Whether a key is its own path; a quick test that passes nearly all keys."""
    return (
        key.isascii()
        and len(key) <= NAME_BYTES_MAX
        and "%" not in key
        and "\0" not in key
        and "//" not in key
        and "/." not in key
        and key[0] not in "/."
        and key[-1] != "/"
    )


def _needs_escape(segment: str) -> bool:
    return path_of_segment(segment) != segment


def _escape(segment: str, mark: str) -> str:
    text = segment.replace("%", "%25").replace("\0", "%00")
    if len(text.encode("utf-8", "surrogatepass")) <= PIECE_BYTES_MAX:
        return f"%{mark}{text}"
    pieces = _cut(text)
    return "/".join(f"%+{piece}" for piece in pieces[:-1]) + f"/%{mark}{pieces[-1]}"


def _cut(text: str) -> list[str]:
    """Cut escaped text into pieces of at most PIECE_BYTES_MAX bytes, between characters and outside of escapes."""
    pieces, piece, size = [], "", 0
    for unit in re.findall(r"%(?:25|00)|.", text, re.DOTALL):
        length = len(unit.encode("utf-8", "surrogatepass"))
        if size + length > PIECE_BYTES_MAX:
            pieces.append(piece)
            piece, size = "", 0
        piece += unit
        size += length
    return [*pieces, piece]


def _unescape(name: str) -> str | None:
    """The segment behind an escaped name, or None when it is not spelled as one."""
    *firsts, last = name.split("/")
    if not all(first.startswith("%+") for first in firsts):
        return None
    text = "".join(part[2:] for part in (*firsts, last))
    if "%" in _ESCAPED.sub("", text):
        return None
    return _ESCAPED.sub(lambda match: "%" if match[1] == "25" else "\0", text)


def _raw_name(segment: str) -> str | None:
    """The name on disk that a `%~` segment means, or None when it is not spelled as `segment_of_name` does."""
    if not segment.isascii():
        return None
    name = unquote_to_bytes(segment[2:])
    if quote_from_bytes(name, safe=_SAFE) != segment[2:] or b"/" in name or b"\0" in name or len(name) > NAME_BYTES_MAX:
        return None
    try:
        name.decode()
    except UnicodeDecodeError:
        return name.decode("utf-8", "surrogateescape")
    return None

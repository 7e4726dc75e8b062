import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from steppe.base.errors import ApiError
from steppe.objects import keys
from steppe.testing.object_store_contract import HOSTILE_KEYS

PIECES = [*"ab/.%!=+~25 0\0é日😀", "%!", "%=", "%25", "%00", "%~", "//", "../", "%+" + "x" * 240, "y" * 130]
KEYS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join).filter(lambda k: len(k.encode()) <= 1024)


def key_of(path: str, *, beside: bool) -> str:
    """Read a path back, as a listing does."""
    segments, pieces = [], []
    names = path.split("/")
    for name in names:
        if keys.is_piece(name) and name is not names[-1]:
            pieces.append(name)
            continue
        segment, is_beside = keys.segment_of_name("/".join([*pieces, name]))
        assert is_beside == (beside and name is names[-1])
        pieces = []
        segments.append(segment)
    return "/".join(segments)


@given(KEYS)
@example("/")
@example("..")
@example("a//b/")
@example("x" * 1024)
@example("\0" * 1024)
def test_every_key_has_a_path_that_a_file_system_takes_and_that_reads_back_as_the_key(key):
    for path, beside in ((keys.path_of_key(key), False), (keys.alternative_path(key), True)):
        for name in path.split("/"):
            assert name not in ("", ".", "..")
            assert "\0" not in name
            assert len(name.encode("utf-8", "surrogateescape")) <= 255
        assert len(path.encode("utf-8", "surrogateescape")) < 3500
        assert key_of(path, beside=beside) == key


@given(KEYS, KEYS)
def test_two_keys_never_share_a_path(one, other):
    if one != other:
        paths = {
            keys.path_of_key(one),
            keys.alternative_path(one),
            keys.path_of_key(other),
            keys.alternative_path(other),
        }
        assert len(paths) == 4


@pytest.mark.parametrize(
    "key", ["a", "photos/2026/a.png", "100%.txt", "a%20b", ".hidden", "..a", "é/日本", "%", "%-x", "a=b"]
)
def test_ordinary_keys_look_ordinary(key):
    assert keys.path_of_key(key) == key


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("folder/", "folder/%!"),
        ("a//b", "a/%!/b"),
        ("/a", "%!/a"),
        ("../x", "%!../x"),
        ("nul\0", "%!nul%00"),
        ("%!..", "%!%25!.."),
        ("%~caf%E9", "caf\udce9"),
    ],
)
def test_what_a_file_system_cannot_hold_is_escaped(key, path):
    assert keys.path_of_key(key) == path


def test_a_name_on_disk_that_is_not_utf8_has_a_key_that_is():
    segment, _ = keys.segment_of_name("caf\udce9.txt")
    assert segment == "%~caf%E9.txt"
    assert keys.path_of_key(segment) == "caf\udce9.txt"


@pytest.mark.parametrize(
    ("key", "code"), [("", "InvalidArgument"), ("é" * 513, "KeyTooLongError"), ("\ud800", "InvalidArgument")]
)
def test_what_is_no_key_is_refused(key, code):
    with pytest.raises(ApiError) as refusal:
        keys.check_key(key)
    assert refusal.value.code == code


def test_the_hostile_keys_of_the_contract_are_told_apart():
    assert len({keys.path_of_key(key) for key in HOSTILE_KEYS}) == len(HOSTILE_KEYS)

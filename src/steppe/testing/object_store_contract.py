"""What every `ObjectStore` must do, as a class of checks; needs no test framework.

    class TestMyStore(ObjectStoreContract):
        @pytest.fixture(autouse=True)
        def _store(self):
            self.store = MyStore()

`self.store` is a store without buckets; `self.has_multipart_minimum` is False where small parts are taken.
"""

# ruff: noqa: D102  The names of the checks are sentences that say what they show.

from __future__ import annotations

import hashlib
from collections.abc import Callable

from steppe.base.errors import ApiError
from steppe.objects.object_store import Condition, ObjectMetadata, ObjectStore

BUCKET = "paces"
PART = b"p" * (5 * 1024 * 1024)

HOSTILE_KEYS = (
    "a",
    "a/b",
    "a/b/c",
    "a//b",
    "a/",
    "a//",
    "/",
    "//",
    "/absolute",
    "folder/",
    "folder/file",
    ".",
    "..",
    "../up",
    "../../etc/passwd",
    "x/../y",
    "x/./y",
    "x/..",
    ".hidden",
    "...",
    "~",
    "-rf",
    "nul\0inside",
    "line\nbreak",
    "tab\tand return\r",
    "100%.txt",
    "a%20b",
    "%",
    "%%",
    "%!",
    "%!..",
    "%=a",
    "%+a",
    "%~caf%E9",
    "%25",
    "back\\slash",
    "quote\"and'",
    "<xml>&amp;",
    "caf\u00e9",
    "cafe\u0301",
    "\u65e5\u672c\u8a9e/\u30d5\u30a1\u30a4\u30eb",
    "\U0001f600",
    "\uffff",
    "s" * 255,
    "s" * 256,
    "l" * 1024,
    "\u00e9" * 512,
    "\0" * 500,
    "%" * 700,
    "/".join(["deep"] * 200),
    "/" * 1024,
    ("x" * 300 + "/") * 3 + "end",
    "x" * 300,
    "x" * 300 + "/" + "x" * 300 + "y",
)
"""Keys that a file system cannot take as they are, or takes for something else."""


def refused(code: str, call: Callable[..., object], *arguments: object) -> ApiError:
    """Check that a call is refused with an error code; the error."""
    try:
        call(*arguments)
    except ApiError as error:
        if error.code == code:
            return error
        raise AssertionError(f"refused with {error.code}, not {code}") from error
    raise AssertionError(f"not refused; {code} was expected")


class ObjectStoreContract:
    """The checks. A subclass sets `store` before each."""

    store: ObjectStore
    has_multipart_minimum = True

    def _keys(self, **options: str) -> list[str]:
        return [found.key for found in self.store.list_objects(BUCKET, **options).objects]  # type: ignore[arg-type]

    def test_a_bucket_is_made_once_listed_and_removed_when_empty(self) -> None:
        store = self.store
        store.create_bucket(BUCKET)
        refused("BucketAlreadyOwnedByYou", lambda: store.create_bucket(BUCKET))
        store.create_bucket("second.bucket-1")
        assert [bucket.name for bucket in store.list_buckets()] == [BUCKET, "second.bucket-1"]
        assert store.head_bucket(BUCKET).created_ms > 1_500_000_000_000
        store.put(BUCKET, "folder/file", b"1")
        refused("BucketNotEmpty", lambda: store.delete_bucket(BUCKET))
        store.delete(BUCKET, "folder/file")
        store.delete_bucket(BUCKET)
        refused("NoSuchBucket", lambda: store.head_bucket(BUCKET))
        refused("NoSuchBucket", lambda: store.delete_bucket(BUCKET))

    def test_names_that_are_no_buckets_are_refused(self) -> None:
        for name in ("", "a", "ab", "Upper", "under_score", "-dash", "dash-", "a..b", "1.2.3.4", "x" * 64, "a/b", ".."):
            refused("InvalidBucketName", self.store.create_bucket, name)
        for name in ("", "..", ".", ".steppe", "a/b", "nope", "\0", "x" * 300):
            refused("NoSuchBucket", self.store.head_bucket, name)
            refused("NoSuchBucket", self.store.put, name, "key", b"")
            refused("NoSuchBucket", self.store.head, name, "key")
            refused("NoSuchBucket", self.store.list_objects, name)

    def test_an_object_comes_back_as_it_was_put(self) -> None:
        store = self.store
        store.create_bucket(BUCKET)
        metadata = ObjectMetadata(
            content_type="text/plain; charset=utf-8",
            headers={"cache-control": "no-store"},
            user={"colour": "bl\u00e5", "empty": ""},
            checksums={"CRC32": "AAAAAA=="},
        )
        put = store.put(BUCKET, "a/b.txt", [b"hello ", b"", b"world"], metadata=metadata)
        assert put.etag == hashlib.md5(b"hello world", usedforsecurity=False).hexdigest()
        head = store.head(BUCKET, "a/b.txt")
        assert (head.key, head.size_bytes, head.etag, head.modified_ms) == ("a/b.txt", 11, put.etag, put.modified_ms)
        assert head.metadata == metadata
        assert store.read(BUCKET, "a/b.txt") == b"hello world"
        assert store.put(BUCKET, "a/b.txt", b"").etag == hashlib.md5(b"", usedforsecurity=False).hexdigest()
        assert store.read(BUCKET, "a/b.txt") == b""
        assert store.head(BUCKET, "a/b.txt").metadata == ObjectMetadata()

    def test_metadata_too_long_for_an_attribute_is_kept_as_well(self) -> None:
        self.store.create_bucket(BUCKET)
        metadata = ObjectMetadata(user={"long": "v" * 7000})
        for _ in range(2):
            self.store.put(BUCKET, "key", b"1", metadata=metadata)
            assert self.store.head(BUCKET, "key").metadata == metadata
        self.store.copy(BUCKET, "copy", source_bucket=BUCKET, source_key="key")
        assert self.store.head(BUCKET, "copy").metadata == metadata
        self.store.delete(BUCKET, "key")
        self.store.put(BUCKET, "key", b"1")
        assert self.store.head(BUCKET, "key").metadata == ObjectMetadata()

    def test_what_is_not_there_is_refused(self) -> None:
        store = self.store
        refused("NoSuchBucket", lambda: store.read("nowhere", "key"))
        refused("NoSuchBucket", lambda: store.delete("nowhere", "key"))
        store.create_bucket(BUCKET)
        store.put(BUCKET, "a/b", b"1")
        for key in ("missing", "a", "a/", "a/b/c", "a/b/", "missing/too"):
            refused("NoSuchKey", store.read, BUCKET, key)
            refused("NoSuchKey", store.open, BUCKET, key)
            refused("NoSuchKey", store.head, BUCKET, key)
            store.delete(BUCKET, key)
        refused("KeyTooLongError", lambda: store.put(BUCKET, "k" * 1025, b""))
        refused("InvalidArgument", lambda: store.put(BUCKET, "", b""))
        assert self._keys() == ["a/b"]

    def test_ranges_are_cut_at_the_end(self) -> None:
        store = self.store
        store.create_bucket(BUCKET)
        store.put(BUCKET, "key", b"0123456789")
        store.put(BUCKET, "empty", b"")
        assert store.read(BUCKET, "key", start=3, end=5) == b"34"
        assert store.read(BUCKET, "key", start=8, end=100) == b"89"
        assert store.read(BUCKET, "empty") == b""
        assert b"".join(store.stream(BUCKET, "key", start=1, end=9, chunk_bytes=3)) == b"12345678"
        refused("InvalidRange", lambda: store.read(BUCKET, "key", start=10))
        refused("InvalidRange", lambda: store.read(BUCKET, "key", start=5, end=4))

    def test_an_opened_object_stays_the_one_it_was(self) -> None:
        store = self.store
        store.create_bucket(BUCKET)
        store.put(BUCKET, "key", b"before")
        reader = store.open(BUCKET, "key")
        store.put(BUCKET, "key", b"after!!")
        store.delete(BUCKET, "key")
        assert reader.summary.size_bytes == 6
        assert reader.read(0, 100) == b"before"
        assert reader.read(4, 1) == b"r"
        assert reader.read(6, 1) == b""
        reader.close()
        reader.close()

    def test_what_is_being_written_is_not_seen_before_it_is_whole(self) -> None:
        store = self.store
        store.create_bucket(BUCKET)
        writer = store.writer(BUCKET, "key")
        writer.write(b"half")
        assert self._keys() == []
        writer.abort()
        writer.abort()
        assert self._keys() == []
        writer = store.writer(BUCKET, "key")
        writer.write(b"wh")
        writer.write(b"ole")
        assert writer.commit(checksums={"CRC32": "x"}).size_bytes == 5
        writer.abort()
        assert store.read(BUCKET, "key") == b"whole"
        found = store.head(BUCKET, "key").metadata
        assert found is not None
        assert found.checksums == {"CRC32": "x"}

    def test_every_key_is_an_object_of_its_own(self) -> None:
        store = self.store
        store.create_bucket(BUCKET)
        for keys in (HOSTILE_KEYS, tuple(reversed(HOSTILE_KEYS))):
            for key in keys:
                store.put(BUCKET, key, key.encode())
            assert self._keys() == sorted(keys)
            for key in keys:
                assert store.read(BUCKET, key) == key.encode()
                assert store.head(BUCKET, key).size_bytes == len(key.encode())
                assert self._keys(prefix=key)[0] == key
                assert self._keys(start_after=key) == sorted(keys)[sorted(keys).index(key) + 1 :]
            for key in keys:
                store.delete(BUCKET, key)
                refused("NoSuchKey", store.head, BUCKET, key)
            assert self._keys() == []
        store.delete_bucket(BUCKET)

    def test_a_copy_has_bytes_and_metadata_of_its_source(self) -> None:
        store = self.store
        store.create_bucket(BUCKET)
        store.create_bucket("other")
        metadata = ObjectMetadata(content_type="image/png", user={"a": "b"}, checksums={"CRC32": "x"})
        for size in (0, 11, 100_000, 3_000_000):
            content = b"\x01\x02\x03\x04" * (size // 4)
            source = store.put(BUCKET, "source", content, metadata=metadata)
            copied = store.copy("other", "to/here", source_bucket=BUCKET, source_key="source")
            assert (copied.etag, copied.size_bytes) == (source.etag, len(content))
            assert store.read("other", "to/here") == content
            assert store.head("other", "to/here").metadata == metadata
        replaced = ObjectMetadata(content_type="text/plain")
        store.copy(BUCKET, "source", source_bucket=BUCKET, source_key="source", metadata=replaced)
        found = store.head(BUCKET, "source").metadata
        assert found == ObjectMetadata(content_type="text/plain", checksums={"CRC32": "x"})
        refused("NoSuchKey", lambda: store.copy(BUCKET, "x", source_bucket=BUCKET, source_key="missing"))
        refused("NoSuchBucket", lambda: store.copy("nowhere", "x", source_bucket=BUCKET, source_key="source"))
        refused("NoSuchBucket", lambda: store.copy(BUCKET, "x", source_bucket="nowhere", source_key="source"))

    def test_conditions_hold_when_the_object_changes_hands(self) -> None:
        store = self.store
        store.create_bucket(BUCKET)
        absent = Condition(absent=True)
        first = store.put(BUCKET, "key", b"1", condition=absent)
        refused("PreconditionFailed", lambda: store.put(BUCKET, "key", b"2", condition=absent))
        refused("PreconditionFailed", lambda: store.put(BUCKET, "key", b"2", condition=Condition(etag="0" * 32)))
        second = store.put(BUCKET, "key", b"2", condition=Condition(etag=first.etag))
        refused("NoSuchKey", lambda: store.put(BUCKET, "new", b"2", condition=Condition(etag=first.etag)))
        refused("PreconditionFailed", lambda: store.delete(BUCKET, "key", condition=Condition(etag=first.etag)))
        copy = Condition(absent=True)
        refused(
            "PreconditionFailed",
            lambda: store.copy(BUCKET, "key", source_bucket=BUCKET, source_key="key", condition=copy),
        )
        store.put(BUCKET, "key/below", b"3")
        refused("PreconditionFailed", lambda: store.put(BUCKET, "key", b"2", condition=absent))
        assert store.read(BUCKET, "key") == b"2"
        store.delete(BUCKET, "key", condition=Condition(etag=second.etag))
        store.put(BUCKET, "key", b"4", condition=absent)
        assert store.read(BUCKET, "key") == b"4"

    def test_pages_follow_each_other_without_gap_or_repeat(self) -> None:
        store = self.store
        store.create_bucket(BUCKET)
        keys = sorted(f"{a}{b}" for a in ("", "a/", "a-", "a.", "a0/", "a/b/") for b in ("x", "y", "z"))
        for key in keys:
            store.put(BUCKET, key, b"")
        for limit in (1, 2, 5, 100):
            found: list[str] = []
            after: str | None = ""
            while after is not None:
                listing = store.list_objects(BUCKET, start_after=after, limit=limit)
                assert len(listing.objects) <= limit
                found += [one.key for one in listing.objects]
                after = listing.next_after
            assert found == keys
        assert store.list_objects(BUCKET, limit=0).objects == ()
        assert store.list_objects(BUCKET, limit=len(keys)).next_after is None

    def test_a_delimiter_groups_keys(self) -> None:
        store = self.store
        store.create_bucket(BUCKET)
        for key in ("a/1", "a/2", "a/b/3", "a-b", "b", "c/", "c/1", "d//e", "x|1", "x|2"):
            store.put(BUCKET, key, b"")
        table: list[tuple[str, str, list[str], list[str]]] = [
            ("", "/", ["a-b", "b", "x|1", "x|2"], ["a/", "c/", "d/"]),
            ("a", "/", ["a-b"], ["a/"]),
            ("a/", "/", ["a/1", "a/2"], ["a/b/"]),
            ("c/", "/", ["c/", "c/1"], []),
            ("d/", "/", [], ["d//"]),
            ("", "|", ["a-b", "a/1", "a/2", "a/b/3", "b", "c/", "c/1", "d//e"], ["x|"]),
            ("", "b", ["a/1", "a/2", "c/", "c/1", "d//e", "x|1", "x|2"], ["a-b", "a/b", "b"]),
            ("nothing", "/", [], []),
            ("nothing/", "/", [], []),
        ]
        for prefix, delimiter, keys, prefixes in table:
            for limit in (1, 2, 100):
                found_keys: list[str] = []
                found_prefixes: list[str] = []
                after: str | None = ""
                while after is not None:
                    page = store.list_objects(
                        BUCKET, prefix=prefix, delimiter=delimiter, start_after=after, limit=limit
                    )
                    assert len(page.objects) + len(page.prefixes) <= limit
                    found_keys += [one.key for one in page.objects]
                    found_prefixes += page.prefixes
                    after = page.next_after
                assert (found_keys, found_prefixes) == (keys, prefixes), (prefix, delimiter, limit)
        assert store.list_objects(BUCKET, delimiter="/", start_after="a/1").prefixes == ("a/", "c/", "d/")
        assert store.list_objects(BUCKET, delimiter="/", start_after="c/1").prefixes == ("d/",)

    def test_an_upload_becomes_an_object_of_its_parts(self) -> None:
        store = self.store
        store.create_bucket(BUCKET)
        metadata = ObjectMetadata(content_type="video/mp4", user={"a": "b"})
        upload = store.create_upload(BUCKET, "big/file", metadata=metadata)
        first = store.put_part(BUCKET, "big/file", upload, 1, PART)
        store.put_part(BUCKET, "big/file", upload, 3, b"old")
        last = store.put_part(BUCKET, "big/file", upload, 3, [b"e", b"nd"])
        store.put_part(BUCKET, "big/file", upload, 7, b"not named")
        parts = store.list_parts(BUCKET, "big/file", upload)
        assert [(part.part_number, part.size_bytes) for part in parts] == [(1, len(PART)), (3, 3), (7, 9)]
        assert [p.part_number for p in store.list_parts(BUCKET, "big/file", upload, after=1, limit=1)] == [3]
        assert self._keys() == []
        assert [one.upload_id for one in store.list_uploads(BUCKET, prefix="big/")] == [upload]
        assert store.list_uploads(BUCKET, prefix="small/") == []
        done = store.complete_upload(BUCKET, "big/file", upload, [(1, first), (3, last)], checksums={"CRC32": "x-2"})
        both = hashlib.md5(bytes.fromhex(first) + bytes.fromhex(last), usedforsecurity=False).hexdigest()
        assert done.etag == f"{both}-2"
        assert store.head(BUCKET, "big/file") == done
        assert done.metadata == ObjectMetadata(content_type="video/mp4", user={"a": "b"}, checksums={"CRC32": "x-2"})
        assert store.read(BUCKET, "big/file", start=len(PART) - 1) == b"pend"
        refused("NoSuchUpload", lambda: store.list_parts(BUCKET, "big/file", upload))
        assert store.list_uploads(BUCKET) == []

    def test_wrong_uploads_and_parts_are_refused(self) -> None:
        store = self.store
        store.create_bucket(BUCKET)
        upload = store.create_upload(BUCKET, "key")
        for wrong in ("", "../..", "0" * 48, "/etc"):
            refused("NoSuchUpload", store.put_part, BUCKET, "key", wrong, 1, b"")
            refused("NoSuchUpload", store.abort_upload, BUCKET, "key", wrong)
        refused("NoSuchUpload", lambda: store.put_part(BUCKET, "other key", upload, 1, b""))
        refused("InvalidArgument", lambda: store.put_part(BUCKET, "key", upload, 0, b""))
        refused("InvalidArgument", lambda: store.put_part(BUCKET, "key", upload, 10_001, b""))
        one = store.put_part(BUCKET, "key", upload, 1, b"small")
        two = store.put_part(BUCKET, "key", upload, 2, b"small")
        refused("InvalidPart", lambda: store.complete_upload(BUCKET, "key", upload, [(1, "0" * 32)]))
        refused("InvalidPart", lambda: store.complete_upload(BUCKET, "key", upload, [(3, one)]))
        refused("InvalidPart", lambda: store.complete_upload(BUCKET, "key", upload, []))
        refused("InvalidPartOrder", lambda: store.complete_upload(BUCKET, "key", upload, [(2, two), (1, one)]))
        if self.has_multipart_minimum:
            refused("EntityTooSmall", lambda: store.complete_upload(BUCKET, "key", upload, [(1, one), (2, two)]))
        store.abort_upload(BUCKET, "key", upload)
        refused("NoSuchUpload", lambda: store.complete_upload(BUCKET, "key", upload, [(1, one)]))
        assert self._keys() == []

    def test_a_part_can_be_a_range_of_an_object(self) -> None:
        store = self.store
        store.create_bucket(BUCKET)
        store.put(BUCKET, "source", PART + b"tail")
        upload = store.create_upload(BUCKET, "key")
        one = store.copy_part(BUCKET, "key", upload, 1, source_bucket=BUCKET, source_key="source")
        end = len(PART) + 2
        two = store.copy_part(
            BUCKET, "key", upload, 2, source_bucket=BUCKET, source_key="source", start=len(PART), end=end
        )
        assert (one.size_bytes, two.size_bytes) == (len(PART) + 4, 2)
        store.complete_upload(BUCKET, "key", upload, [(1, one.etag), (2, two.etag)])
        assert store.read(BUCKET, "key", start=len(PART)) == b"tailta"

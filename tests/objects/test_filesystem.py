import hashlib
import multiprocessing
import os
import threading
import time

import pytest

from steppe.base.errors import ApiError
from steppe.objects import listing
from steppe.objects.filesystem import FilesystemObjectStore
from steppe.objects.object_store import Condition, NotAtHandError, ObjectMetadata


@pytest.fixture
def root(tmp_path):
    return tmp_path / "objects"


@pytest.fixture
def store(root):
    store = FilesystemObjectStore(root)
    store.create_bucket("bucket")
    return store


def keys(store, **options):
    return [one.key for one in store.list_objects("bucket", **options).objects]


def md5(content):
    return hashlib.md5(content).hexdigest()


def test_a_put_object_is_a_plain_file_at_its_key(store, root):
    store.put("bucket", "photos/2026/a.png", b"pixels")
    assert (root / "bucket/photos/2026/a.png").read_bytes() == b"pixels"
    assert store.local_path("bucket", "photos/2026/a.png") == root / "bucket/photos/2026/a.png"
    assert os.listdir(root / ".steppe/writing") == []


def test_a_folder_of_files_that_was_copied_in_is_a_bucket(store, root):
    folder = root / "My_Photos"
    (folder / "trip").mkdir(parents=True)
    (folder / "trip" / "a.jpg").write_bytes(b"jpeg")
    (folder / "%!x").write_bytes(b"1")
    (folder / "100%.txt").write_bytes(b"2")
    (folder / "empty folder").mkdir()
    (folder / os.fsdecode(b"caf\xe9")).write_bytes(b"3")
    assert [bucket.name for bucket in store.list_buckets()] == ["My_Photos", "bucket"]
    found = store.list_objects("My_Photos").objects
    assert [one.key for one in found] == ["%!x", "%~caf%E9", "100%.txt", "trip/a.jpg"]
    assert {one.key: one.etag for one in found}["trip/a.jpg"] == md5(b"jpeg")
    for one in found:
        assert len(store.read("My_Photos", one.key)) == one.size_bytes
    assert store.list_objects("My_Photos", delimiter="/").prefixes == ("trip/",)


def test_a_file_that_was_edited_in_place_has_a_new_etag_and_keeps_its_type(store, root):
    metadata = ObjectMetadata(content_type="text/plain", user={"a": "b"}, checksums={"CRC32": "x"})
    store.put("bucket", "key", b"before", metadata=metadata)
    (root / "bucket/key").write_bytes(b"after!")
    assert store.list_objects("bucket").objects[0].etag == md5(b"after!")
    found = store.head("bucket", "key")
    assert (found.etag, found.metadata) == (md5(b"after!"), ObjectMetadata(content_type="text/plain", user={"a": "b"}))
    copied = store.copy("bucket", "copy", source_bucket="bucket", source_key="key")
    assert copied.etag == md5(b"after!")


def test_symbolic_links_are_not_followed(store, root, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (root / "bucket/link").symlink_to(outside)
    (root / "bucket/file").symlink_to(outside / "secret")
    (root / "linked").symlink_to(outside)
    assert keys(store) == []
    assert keys(store, prefix="link/") == []
    assert [bucket.name for bucket in store.list_buckets()] == ["bucket"]
    for call, code in [
        (lambda: store.read("bucket", "link/secret"), "NoSuchKey"),
        (lambda: store.read("bucket", "file"), "NoSuchKey"),
        (lambda: store.head("bucket", "link/secret"), "NoSuchKey"),
        (lambda: store.read("linked", "secret"), "NoSuchBucket"),
        (lambda: store.list_objects("linked"), "NoSuchBucket"),
        (lambda: store.put("bucket", "link/new", b""), "InvalidArgument"),
        (lambda: store.delete_bucket("bucket"), "BucketNotEmpty"),
    ]:
        with pytest.raises(ApiError) as refusal:
            call()
        assert refusal.value.code == code
    store.delete("bucket", "link/secret")
    assert sorted(os.listdir(outside)) == ["secret"]
    store.put("bucket", "file", b"an object of its own")
    assert (outside / "secret").read_bytes() == b"secret"
    assert store.read("bucket", "file") == b"an object of its own"


def test_pipes_and_sockets_are_no_objects_and_do_not_block(store, root):
    os.mkfifo(root / "bucket/pipe")
    assert keys(store) == []
    with pytest.raises(ApiError):
        store.read("bucket", "pipe")


def test_folders_come_and_go_with_their_objects(store, root):
    store.put("bucket", "a/b/c", b"")
    store.put("bucket", "a/d", b"")
    store.delete("bucket", "a/b/c")
    assert sorted(os.listdir(root / "bucket/a")) == ["d"]
    store.delete("bucket", "a/d")
    assert os.listdir(root / "bucket") == []


def test_a_key_that_is_also_a_prefix_survives_all_orders(store, root):
    store.put("bucket", "a", b"file")
    store.put("bucket", "a/b", b"below")
    assert (store.read("bucket", "a"), store.read("bucket", "a/b")) == (b"file", b"below")
    assert keys(store) == ["a", "a/b"]
    assert os.listdir(root / "bucket/a") == ["b"]
    store.delete("bucket", "a/b")
    store.put("bucket", "a", b"plain again")
    assert store.read("bucket", "a") == b"plain again"
    assert keys(store) == ["a"]
    store.delete("bucket", "a")
    assert keys(store) == []
    assert os.listdir(root / "bucket") == []


def test_what_is_not_an_object_is_out_of_reach(store, root):
    store.put("bucket", "key", b"")
    for bucket, key in [(".steppe", "buckets/bucket"), ("..", "x"), ("bucket", "../../.steppe/buckets/bucket")]:
        with pytest.raises(ApiError):
            store.read(bucket, key)


def test_listing_a_large_folder_reads_it_once(store, root, monkeypatch):
    folder = root / "bucket/flat"
    folder.mkdir()
    names = [f"{number:05}" for number in range(5000)]
    for name in names:
        (folder / name).touch()
    old = time.time() - 60
    os.utime(folder, (old, old))
    os.utime(root / "bucket", (old, old))
    reads = []
    scan = listing._scan
    monkeypatch.setattr(listing, "_scan", lambda folder, *rest: reads.append(folder) or scan(folder, *rest))
    found, after = [], ""
    while after is not None:
        page = store.list_objects("bucket", start_after=after, limit=100)
        found += [one.key for one in page.objects]
        after = page.next_after
    assert found == [f"flat/{name}" for name in names]
    assert len(reads) == 2


def test_a_listing_shows_what_was_just_put(store):
    for number in range(300):
        store.put("bucket", f"k{number:03}", b"")
        assert len(keys(store)) == number + 1
        assert keys(store, start_after=f"k{number - 1:03}") == [f"k{number:03}"]


def test_threads_that_put_delete_and_list_one_key_see_whole_objects_only(store):
    bodies = [bytes([number]) * (1000 * number) for number in range(1, 5)]
    etags = {md5(body): body for body in bodies}
    stop = time.monotonic() + 1.5
    failures = []

    def run(work):
        try:
            while time.monotonic() < stop:
                work()
        except BaseException as error:
            failures.append(error)
            raise

    def read():
        try:
            reader = store.open("bucket", "deep/folder/key")
        except ApiError as error:
            if error.code != "NoSuchKey":
                raise
            return
        content = reader.read(0, 1 << 20)
        reader.close()
        assert etags[reader.summary.etag] == content

    def look():
        for one in store.list_objects("bucket").objects:
            assert one.etag in etags

    works = [lambda body=body: store.put("bucket", "deep/folder/key", body) for body in bodies]
    works += [lambda: store.put("bucket", "deep/folder", bodies[0]), lambda: store.put("bucket", "deep", bodies[0])]
    works += [
        lambda: store.delete("bucket", "deep/folder/key"),
        lambda: store.delete("bucket", "deep"),
        read,
        read,
        look,
    ]
    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for key in ("deep/folder/key", "deep/folder", "deep"):
        store.delete("bucket", key)
    assert keys(store) == []
    store.delete_bucket("bucket")


def _put_many(root, worker, results):
    store = FilesystemObjectStore(root)
    won = 0
    for number in range(200):
        store.put("bucket", f"{number % 7}/{worker}-{number}", b"x" * number)
        store.delete("bucket", f"{(number + 3) % 7}/{worker}-{number - 4}")
        try:
            store.put("bucket", f"race-{number}", str(worker).encode(), condition=Condition(absent=True))
            won += 1
        except ApiError as error:
            if error.code != "PreconditionFailed":
                raise
    results.put(won)


def test_processes_share_a_root_and_only_one_wins_each_conditional_put(store, root):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [context.Process(target=_put_many, args=(root, worker, results)) for worker in range(2)]
    for worker in workers:
        worker.start()
    won = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert sum(won) == 200
    assert len([key for key in keys(store) if key.startswith("race-")]) == 200


def test_what_a_killed_process_left_half_written_is_swept_after_a_day(root):
    FilesystemObjectStore(root)
    left = root / ".steppe/writing/1-dead-0"
    left.touch()
    FilesystemObjectStore(root)
    assert left.exists()
    old = time.time() - 2 * 24 * 3600
    os.utime(left, (old, old))
    FilesystemObjectStore(root)
    assert not left.exists()


def test_who_cannot_wait_for_the_md5_of_a_large_file_is_told(store, root):
    content = bytes(3_000_000)
    (root / "bucket/large").write_bytes(content)
    for call in (store.head, store.open):
        with pytest.raises(NotAtHandError):
            call("bucket", "large", patient=False)
    assert store.head("bucket", "large").etag == md5(content)
    assert store.head("bucket", "large", patient=False).etag == md5(content)

"""The folders and files of an embedded store: where an object is, how it gets there and how it goes.

    <root>/<bucket>/<path of the key>     the objects, plain files
    <root>/.steppe/                       what is not an object: files being written, uploads, records, locks

Rules of this file:

- An object appears by a rename and goes by an unlink: whole or not at all, for every process on the root.
- Folders are made when an object needs them and go when the last object in them goes. Whoever finds that the folder
  went away between making it and using it makes it again.
- Where a folder stands in an object's place, the object is at its alternative path (`keys`). The place itself is looked
  at first: where both are there the alternative is the older one, and goes when the object is removed.
- Symbolic links are never followed: as files and as folders they are not there.

No fsync: a process that is killed loses nothing, a machine that loses power may lose what was written in the last
seconds.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import stat as stat_bits
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from steppe.base.errors import ApiError, InternalError
from steppe.objects import faults
from steppe.objects.keys import alternative_path, check_key, path_of_key
from steppe.objects.object_store import Condition
from steppe.objects.records import Records

PLACING_ATTEMPTS_MAX = 1000
"""How often a folder may vanish under a file that is being placed. More is not bad luck but a bug."""

FOLDER_TRUST_SECONDS = 1.0
"""How long a folder that was found to be one (and no symbolic link) is taken for one without looking again."""

FOLDERS_TRUSTED_MAX = 10_000
LOCK_COUNT = 64
STALE_SECONDS = 24 * 3600
"""A file being written that nobody has touched for so long was left by a process that was killed."""

_OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG})


class Tree:
    """The files below one root."""

    def __init__(self, root: Path) -> None:
        self.root = os.path.abspath(root)
        self.hidden = f"{self.root}/.steppe"
        self._temporary = f"{self.hidden}/writing"
        self._locks = f"{self.hidden}/locks"
        for folder in (self._temporary, self._locks, f"{self.hidden}/buckets"):
            os.makedirs(folder, exist_ok=True)
        self._counter = itertools.count()
        self._token = os.urandom(4).hex()
        self._trusted: dict[str, float] = {}
        self.records = Records(Path(self.hidden, "records"), Path(self._temporary))
        self._sweep()

    def bucket_path(self, bucket: str) -> str:
        """Where a bucket's folder is or would be. NoSuchBucket for what cannot be one."""
        faults.check_bucket(bucket)
        return f"{self.root}/{bucket}"

    def require_bucket(self, bucket: str) -> os.stat_result:
        """The state of a bucket's folder. NoSuchBucket."""
        try:
            stat = os.lstat(self.bucket_path(bucket))
        except OSError:
            raise faults.no_such_bucket(bucket) from None
        if not stat_bits.S_ISDIR(stat.st_mode):
            raise faults.no_such_bucket(bucket)
        return stat

    def find(self, bucket: str, key: str) -> tuple[str, os.stat_result]:
        """Path and state of an object's file. NoSuchBucket, NoSuchKey."""
        check_key(key)
        folder = self.bucket_path(bucket)
        relative = path_of_key(key)
        if self._is_real(folder, relative):
            for path in (relative, None):
                full = f"{folder}/{path or alternative_path(key)}"
                try:
                    stat = os.lstat(full)
                except OSError as error:
                    if error.errno not in _ABSENT:
                        raise
                    continue
                if stat_bits.S_ISREG(stat.st_mode):
                    return full, stat
        self.require_bucket(bucket)
        raise faults.no_such_key(key)

    def open(self, bucket: str, key: str) -> tuple[int, os.stat_result]:
        """Open an object's file; its descriptor and state. NoSuchBucket, NoSuchKey, AccessDenied."""
        check_key(key)
        folder = self.bucket_path(bucket)
        relative = path_of_key(key)
        if self._is_real(folder, relative):
            for path in (relative, None):
                try:
                    fd = os.open(f"{folder}/{path or alternative_path(key)}", _OPEN_FLAGS)
                except PermissionError:
                    raise ApiError("AccessDenied", "Access Denied", status=403) from None
                except OSError as error:
                    if error.errno not in _ABSENT:
                        raise
                    continue
                stat = os.fstat(fd)
                if stat_bits.S_ISREG(stat.st_mode):
                    return fd, stat
                os.close(fd)
        self.require_bucket(bucket)
        raise faults.no_such_key(key)

    def temporary(self) -> tuple[int, str]:
        """A new file to write to, outside of all buckets and on the same file system."""
        path = f"{self._temporary}/{os.getpid()}-{self._token}-{next(self._counter)}"
        return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o666), path

    def place(self, path: str, bucket: str, key: str, condition: Condition | None = None) -> None:
        """Make a written file the object `key`. NoSuchBucket, PreconditionFailed."""
        if condition is None:
            self._place(path, bucket, key, exclusive=False)
            return
        with self.lock(f"{bucket}/{key}"):
            faults.check_condition(condition, self._etag_in_place(bucket, key), key)
            self._place(path, bucket, key, exclusive=condition.absent)

    def remove(self, bucket: str, key: str, condition: Condition | None = None) -> None:
        """Remove an object if it is there, and the folders that only it kept. NoSuchBucket."""
        check_key(key)
        folder = self.bucket_path(bucket)
        relative = path_of_key(key)
        if not self._is_real(folder, relative):
            self.require_bucket(bucket)
            return
        with self.lock(f"{bucket}/{key}") if condition is not None else contextlib.nullcontext():
            if condition is not None:
                faults.check_condition(condition, self._etag_in_place(bucket, key), key)
            # The alternative goes first: it is the older one where both are there, and must not come back.
            removed = self._unlink(f"{folder}/{alternative_path(key)}")
            removed = self._unlink(f"{folder}/{relative}") or removed
        if not removed:
            self.require_bucket(bucket)
        elif "/" in relative or "/" in alternative_path(key):
            self._prune(folder, relative)
            self._prune(folder, alternative_path(key))

    @contextlib.contextmanager
    def lock(self, name: str, *, kind: Literal["key", "folder"] = "key") -> Iterator[None]:
        """Exclusion among the processes and threads that use this root, for what one rename cannot say.

        Who holds a key's lock may take a folder's, never the other way about; nobody takes two of a kind.
        """
        number = zlib.crc32(name.encode("utf-8", "surrogateescape")) % LOCK_COUNT
        fd = os.open(f"{self._locks}/{kind}-{number}", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def _place(self, path: str, bucket: str, key: str, *, exclusive: bool) -> None:
        folder = self.bucket_path(bucket)
        relative = path_of_key(key)
        for _ in range(PLACING_ATTEMPTS_MAX):
            if not self._is_real(folder, relative):
                self._make_folders(bucket, folder, relative)
            target = f"{folder}/{relative}"
            try:
                if exclusive:
                    os.link(path, target)
                    os.unlink(path)
                else:
                    replaced = _lstat(target) if self.records.leaves_traces else None
                    os.rename(path, target)
                    if replaced is not None:
                        self.records.forget(replaced)
            except (FileNotFoundError, NotADirectoryError):
                self._make_folders(bucket, folder, relative)
            except (IsADirectoryError, FileExistsError) as error:
                # A folder has the object's place. If it went again this moment, the place is tried again.
                if os.path.isdir(target):
                    relative = alternative_path(key)
                elif isinstance(error, FileExistsError):
                    raise faults.precondition_failed("If-None-Match") from None
            except OSError as error:
                if error.errno == errno.ENAMETOOLONG:
                    raise ApiError("KeyTooLongError", "Your key is too long") from None
                raise
            else:
                break
        else:
            raise InternalError(f"the folders of {bucket}/{key} vanish as fast as they are made")

    def _make_folders(self, bucket: str, folder: str, relative: str) -> None:
        """Make the folders of a path below a bucket; a file in the way becomes the object beside its folder."""
        self.require_bucket(bucket)
        path = folder
        for name in relative.split("/")[:-1]:
            path = f"{path}/{name}"
            stat = _lstat(path)
            if stat is not None and stat_bits.S_ISDIR(stat.st_mode):
                continue
            if stat is not None and stat_bits.S_ISLNK(stat.st_mode):
                text = f"A symbolic link stands in the way of the key: {path[len(self.root) + 1 :]}"
                raise ApiError("InvalidArgument", text)
            # Where the ways of several requests cross, any step may find that another was faster. The caller tries
            # again.
            with contextlib.suppress(FileExistsError, FileNotFoundError, NotADirectoryError):
                self._make_folder(path)

    def _make_folder(self, path: str) -> None:
        """Make one folder; a file in its place is moved to its alternative path first.

        Folders appear under their lock only. So what is a file here is none that a folder has just replaced, which the
        rename would carry away with everything in it.
        """
        parent, _, name = path.rpartition("/")
        with self.lock(path, kind="folder"):
            stat = _lstat(path)
            if stat is not None and stat_bits.S_ISREG(stat.st_mode):
                # The name is an ordinary segment or the last piece of an escaped one, which keeps all but its mark.
                target = f"{parent}/%={name[2:]}" if name.startswith("%!") else f"{parent}/{alternative_path(name)}"
                if "/" in target[len(parent) + 1 :]:
                    os.makedirs(os.path.dirname(target), exist_ok=True)
                os.rename(path, target)
            os.mkdir(path)

    def _etag_in_place(self, bucket: str, key: str) -> str | None:
        try:
            fd, stat = self.open(bucket, key)
        except ApiError as error:
            if error.code == "NoSuchKey":
                return None
            raise
        try:
            return self.records.read_or_compute(fd, stat)[0].etag
        finally:
            os.close(fd)

    def _is_real(self, folder: str, relative: str) -> bool:
        """Whether the folders of a path are there and none of them is a symbolic link."""
        parent = relative.rpartition("/")[0]
        path = f"{folder}/{parent}" if parent else folder
        now = time.monotonic()
        if self._trusted.get(path, 0.0) > now:
            return True
        current = folder
        for name in ("", *parent.split("/")) if parent else ("",):
            current = f"{current}/{name}" if name else current
            stat = _lstat(current)
            if stat is None or not stat_bits.S_ISDIR(stat.st_mode):
                return False
        if len(self._trusted) >= FOLDERS_TRUSTED_MAX:
            self._trusted.clear()
        self._trusted[path] = now + FOLDER_TRUST_SECONDS
        return True

    def _unlink(self, path: str) -> bool:
        """Remove a file; whether it was there. Folders are left alone."""
        stat = _lstat(path) if self.records.leaves_traces else None
        try:
            os.unlink(path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return False
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return False
            raise
        if stat is not None:
            self.records.forget(stat)
        return True

    def _prune(self, folder: str, relative: str) -> None:
        """Remove the folders above a path as far as they are empty; never the bucket's own."""
        parent = relative.rpartition("/")[0]
        while parent:
            try:
                os.rmdir(f"{folder}/{parent}")
            except OSError:
                return
            parent = parent.rpartition("/")[0]

    def _sweep(self) -> None:
        """Remove what killed processes left half-written long ago."""
        horizon = time.time() - STALE_SECONDS
        with os.scandir(self._temporary) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < horizon:
                        os.unlink(entry.path)


def _lstat(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None

import pytest

from steppe.objects import records
from steppe.objects.filesystem import FilesystemObjectStore
from steppe.testing.object_store_contract import ObjectStoreContract


class TestFilesystemObjectStore(ObjectStoreContract):
    @pytest.fixture(autouse=True)
    def _fresh_store(self, tmp_path):
        self.store = FilesystemObjectStore(tmp_path)


class TestFilesystemObjectStoreWithoutExtendedAttributes(ObjectStoreContract):
    @pytest.fixture(autouse=True)
    def _fresh_store(self, tmp_path, monkeypatch):
        monkeypatch.setattr(records, "_has_attributes", lambda folder: False)
        self.store = FilesystemObjectStore(tmp_path)

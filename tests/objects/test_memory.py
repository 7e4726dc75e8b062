import pytest

from steppe.objects.memory import MemoryObjectStore
from steppe.testing.object_store_contract import ObjectStoreContract


class TestMemoryObjectStore(ObjectStoreContract):
    @pytest.fixture(autouse=True)
    def _fresh_store(self):
        self.store = MemoryObjectStore()

import os
import zlib

import pytest

from steppe.wire.checksums import ALGORITHMS, checksum, combine, text_of


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [("CRC32", "cbf43926"), ("CRC32C", "e3069283"), ("CRC64NVME", "ae8b14860a799888")],
)
def test_the_check_values_of_the_crc_catalogue(algorithm, expected):
    running = checksum(algorithm)
    running.update(b"123456789")
    assert running.digest().hex() == expected


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("size", [0, 1, 255, 16_383, 16_384, 16_385, 300_007])
def test_pieces_make_the_same_checksum_as_the_whole(algorithm, size):
    content = os.urandom(size)
    whole, pieces = checksum(algorithm), checksum(algorithm)
    whole.update(content)
    for start in range(0, size, 1000):
        pieces.update(content[start : start + 1000])
    assert text_of(whole.digest()) == text_of(pieces.digest())


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
def test_the_crc_of_a_whole_comes_from_those_of_its_parts(algorithm):
    parts = [os.urandom(size) for size in (1000, 0, 70_001, 5)]
    found = []
    for part in parts:
        running = checksum(algorithm)
        running.update(part)
        found.append((running.digest(), len(part)))
    whole = checksum(algorithm)
    whole.update(b"".join(parts))
    assert combine(algorithm, found) == whole.digest()
    if algorithm == "CRC32":
        assert whole.digest() == zlib.crc32(b"".join(parts)).to_bytes(4, "big")

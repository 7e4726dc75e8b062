"""What is written in one round of the loop goes out in one piece, in order, and none of it is lost."""

from __future__ import annotations

import asyncio

from steppe.services.joined_writes import HELD_BYTES_MAX, JoinedWrites


class Recorder(asyncio.Transport):
    """Notes what is done to it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.done: list[bytes | str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.done.append(bytes(data))

    def close(self) -> None:
        self.done.append("closed")


def joined() -> tuple[Recorder, JoinedWrites]:
    recorder = Recorder()
    return recorder, JoinedWrites(recorder, asyncio.get_running_loop())


async def test_head_and_body_go_out_together_in_the_next_round() -> None:
    recorder, writer = joined()
    writer.write(b"head ")
    writer.write(b"body")
    assert recorder.done == []
    await asyncio.sleep(0)
    assert recorder.done == [b"head body"]
    writer.write(b"next")
    await asyncio.sleep(0)
    assert recorder.done == [b"head body", b"next"]


async def test_a_stream_is_held_back_no_further_than_a_bound() -> None:
    recorder, writer = joined()
    chunk = b"x" * (HELD_BYTES_MAX // 2)
    for _ in range(9):
        writer.write(chunk)
    assert [len(piece) for piece in recorder.done] == [3 * len(chunk)] * 3
    writer.write(b"end")
    await asyncio.sleep(0)
    assert b"".join(piece for piece in recorder.done if isinstance(piece, bytes)) == chunk * 9 + b"end"


async def test_what_was_written_goes_out_before_the_end() -> None:
    recorder, writer = joined()
    writer.write(b"last words")
    writer.close()
    await asyncio.sleep(0)
    assert recorder.done == [b"last words", "closed"]


async def test_all_else_is_the_transports_own() -> None:
    _, writer = joined()
    assert writer.get_extra_info("peername") == ("127.0.0.1", 1)

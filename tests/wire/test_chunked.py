import pytest
from hypothesis import given
from hypothesis import strategies as st

from steppe.base.errors import ApiError
from steppe.wire.chunked import ChunkedDecoder


def framed(chunks, trailer=b""):
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks if chunk)
    return body + b"0\r\n" + trailer + b"\r\n"


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=6), st.lists(st.integers(1, 9), min_size=1))
def test_however_the_bytes_arrive_they_decode_to_the_same(chunks, cuts):
    body = framed(chunks, b"x-amz-checksum-crc32:abc\r\nOther: v w \r\n")
    decoder, decoded, start, turn = ChunkedDecoder(), b"", 0, 0
    while start < len(body):
        size = cuts[turn % len(cuts)]
        decoded += b"".join(decoder.feed(body[start : start + size]))
        start, turn = start + size, turn + 1
    decoder.finish()
    assert decoded == b"".join(chunks)
    assert decoder.trailers == {"x-amz-checksum-crc32": "abc", "other": "v w"}


@given(st.binary(max_size=200))
def test_no_bytes_break_the_decoder(body):
    decoder = ChunkedDecoder()
    try:
        decoder.feed(body)
        decoder.finish()
    except ApiError as error:
        if error.code not in ("IncompleteBody", "MalformedTrailerError"):
            raise


def test_a_body_cut_anywhere_is_incomplete():
    body = framed([b"hello", b"world"], b"a:b\r\n")
    for end in range(len(body)):
        decoder = ChunkedDecoder()
        decoder.feed(body[:end])
        if body[:end].endswith(b"\r\n0\r\n"):
            continue
        with pytest.raises(ApiError):
            decoder.finish()


def test_nothing_may_follow_the_end():
    with pytest.raises(ApiError, match="after the end"):
        ChunkedDecoder().feed(framed([b"x"]) + b"more")

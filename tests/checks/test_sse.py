"""The reader of server-sent events against the standard's own rules."""

import random

import pytest

from workbook.checks import Decoder, Event

STREAM = (
    "\ufeffdata: olá\n\n"
    ": a comment\r\n"
    "data: first line\r\ndata: second line\r\n\r\n"
    "event: error\rdata\r\r"
    "id: 7\nretry: 10\nunknown: x\ndata:no space\ndata:  two spaces\n\n"
    "event: nothing to deliver\n\n"
    "data: 🙂 emoji\n\n"
    "data: never finished"
)
EVENTS = [
    Event("olá"),
    Event("first line\nsecond line"),
    Event("", "error"),
    Event("no space\n two spaces", id="7"),
    Event("🙂 emoji", id="7"),
]


def test_a_stream_is_read_as_the_standard_says():
    decoder = Decoder()
    assert decoder.feed(STREAM.encode()) == EVENTS
    assert decoder.unfinished == "data: never finished"


def test_it_does_not_matter_where_the_bytes_are_cut():
    data = STREAM.encode()
    chance = random.Random(1)
    for _ in range(500):
        cuts = sorted(chance.sample(range(1, len(data)), chance.randint(1, 20)))
        pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        decoder = Decoder()
        assert [event for piece in pieces for event in decoder.feed(piece)] == EVENTS


def test_byte_by_byte_each_event_comes_with_its_last_byte():
    decoder = Decoder()
    assert [decoder.feed(bytes([b])) for b in b"data: a\r\r"] == [[]] * 8 + [[Event("a")]]
    assert decoder.feed(b"\n") == []


def test_bytes_that_are_not_utf8_are_refused():
    with pytest.raises(UnicodeDecodeError):
        Decoder().feed("data: ção\n\n".encode("latin-1"))

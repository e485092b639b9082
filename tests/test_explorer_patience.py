"""Who sends slowly keeps nobody from being answered, and tags outlive a server."""

import asyncio
import json
import socket

import numpy as np
import pytest

import isthmus as ist
from isthmus.explorer import limits, patience
from isthmus.explorer.api import Refused
from isthmus.explorer.manifest import View
from isthmus.explorer.tags import Tags

TOKEN = "the-token"


async def sent(*parts, end=None):
    for part in parts:
        yield part
    if end is not None:
        await end.wait()


def test_a_body_on_its_way_holds_no_place():
    async def both():
        inside, end = limits.Limits(1, 10), asyncio.Event()

        async def asked(parts):
            async with inside.enter(), inside.reading(parts) as body, inside.places:
                return body

        slow = [asyncio.ensure_future(asked(sent(b"x", end=end))) for _ in range(5)]
        await asyncio.sleep(0)
        quick = await asked(sent(b"a", b"b"))
        end.set()
        return quick, await asyncio.gather(*slow), inside.nbytes

    assert asyncio.run(both()) == (b"ab", [b"x"] * 5, 0)


def test_all_bodies_together_are_limited(monkeypatch):
    monkeypatch.setattr(limits, "MOST_BODIES", 10)

    async def ask():
        inside = limits.Limits()
        async with inside.reading(sent(bytes(6))):
            with pytest.raises(Refused) as refused:
                async with inside.reading(sent(bytes(6))):
                    pass
        return refused.value.status, inside.nbytes

    assert asyncio.run(ask()) == (429, 0)


def test_tags_are_checked_and_kept(tmp_path):
    tags = Tags("key", 10, tmp_path)
    tags.write(b'{"odd": [3, 1, 1], "=1+1": []}')
    assert Tags("key", 10, tmp_path).read() == {"odd": [1, 3], "=1+1": []}
    assert Tags("other", 10, tmp_path).read() == {}
    for body in (
        b"",
        b"[]",
        b'{"a": 1}',
        b'{"a": [10]}',
        b'{"a": [true]}',
        b'{"": []}',
        b"[" * 9999,
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - of JSON as well
            tags.write(body)
    assert len(tags.read()) == 2
    tags.path.write_bytes(b"half")
    assert tags.read() == {}


@pytest.fixture
def app(tmp_path):
    pytest.importorskip("starlette")
    pytest.importorskip("uvicorn")
    from isthmus.explorer.server import create_app

    images = ist.Images(np.arange(160, dtype=np.uint8).reshape(10, 4, 4))
    view = View({"pca": ist.PCA(2).fit(images)}, images, cache=tmp_path, show=False)
    return create_app(view, {}, TOKEN, hosts=None)


def test_tags_go_over_the_wire(app):
    pytest.importorskip("httpx2")
    from starlette.testclient import TestClient

    place = f"/{TOKEN}/api/{TOKEN}/tags"
    with TestClient(app) as client:
        assert client.get(place).json() == {}
        assert client.post(place, content=json.dumps({"odd": [1]})).json() == {"odd": [1]}
        assert client.get(place).json() == {"odd": [1]}
        assert client.post(place, content=b"nothing").status_code == 400
        assert client.get(f"/{TOKEN}/api/wrong/tags").status_code == 403


def test_half_a_request_is_not_waited_for(app, monkeypatch):
    from isthmus.explorer.server import Running

    monkeypatch.setattr(patience, "PATIENCE", 0.2)
    server = Running(app, "127.0.0.1", 0)
    whole = f"GET /{TOKEN}/api/{TOKEN}/tags HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    try:
        for before, half in ((b"", whole[:30]), (b"", b""), (whole, whole[:30])):
            with socket.create_connection(("127.0.0.1", server.port), timeout=60) as line:
                line.sendall(before)
                if before:
                    assert b"200 OK" in line.recv(4096)
                line.sendall(half)
                while line.recv(4096):  # until the other end closes
                    pass
    finally:
        server.close()

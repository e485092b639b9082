"""Ask the explorer's server many things at once: `python bench/explorer_load.py [URL]`.

Two hundred clients, for a minute, each asking one thing after the other: some right, some wrong,
some hostile. Every answer must have the status it should have; 429, too many at once, would be
allowed and is counted. The memory of the server must not grow. Without a URL, which `isthmus
explore` prints, a server of three models on the digits is started for it.
"""

import argparse
import asyncio
import contextlib
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
import psutil

SETTLED = 0.25
"""Share of the time after which memory should no longer grow."""


class Client:
    """One connection, kept open from request to request as a browser does."""

    def __init__(self, host, port):
        self.host, self.port, self.writer = host, port, None

    async def ask(self, method, path, body=b"", headers=()):
        """Return status and body of the answer to a request."""
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}"]
        lines += headers or [f"Content-Length: {len(body)}"]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await self.writer.drain()
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        content = await self.reader.readexactly(length)
        if "connection: close" in head or headers:
            self.close()
        return int(head.split()[1]), content

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.writer = None


def requests_of(manifest, token):
    """Return requests, right and wrong: status it should have, method, path, body, headers."""
    api, n = f"/{token}/api/{token}", manifest["images"]["count"]
    pixels = bytes(4 * int(np.prod(manifest["images"]["shape"])))
    ids = np.arange(8, dtype="<i4").clip(max=n - 1).tobytes()
    known = [
        (200, "GET", f"/{token}/", b"", ()),
        (200, "GET", f"/{token}/data/atlas/0.png", b"", ()),
        (200, "POST", f"{api}/images", ids, ()),
        (403, "POST", f"/{token}/api/wrong/images", ids, ()),
        (403, "GET", "/wrong/data/manifest.json", b"", ()),
        (404, "GET", f"/{token}/data/../../../../etc/passwd", b"", ()),
        (404, "POST", f"{api}/decode?model=nobody", ids, ()),
        (404, "POST", f"{api}/nothing", ids, ()),
        (400, "POST", f"{api}/images", b"odd", ()),
        (413, "POST", f"{api}/images", b"", ["Content-Length: 99999999"]),
        (405, "PUT", f"{api}/images", b"", ()),
    ]
    for model in manifest["models"]:
        if model["code"] != "pixels":
            known += asked_of(model, api, pixels)
    return known


def asked_of(model, api, pixels):
    name, index = quote(model["name"]), model["code"] == "index"
    code = np.zeros(3, "<i4") if index else np.zeros((3, model["width"]), "<f4")
    wrong = np.array([-1], "<i4") if index else np.full((1, model["width"]), np.nan, "<f4")
    verbs = [("encode", pixels), ("nearest", code.tobytes())]
    if "decode" in model["can"]:
        verbs += [("decode", code.tobytes()), ("decode", code.tobytes()), ("denoise", pixels)]
    asked = [(200, "POST", f"{api}/{verb}?model={name}", body, ()) for verb, body in verbs]
    if "sample" in model["can"]:
        asked.append((200, "POST", f"{api}/sample?model={name}&n=64&seed=1", b"", ()))
    if "decode" in model["can"]:
        asked.append((400, "POST", f"{api}/decode?model={name}", wrong.tobytes(), ()))
    return asked


async def one_client(where, known, over, seed, found):
    client, chance = Client(*where), random.Random(seed)
    while not over():
        status, *request = chance.choice(known)
        started = time.monotonic()
        try:
            given, content = await client.ask(*request)
        except (OSError, asyncio.IncompleteReadError) as error:
            given, content = type(error).__name__, b""
            client.close()
        found.append((status, given, time.monotonic() - started))
        if isinstance(given, int) and given >= 400 and "error" not in json.loads(content):
            found.append((status, "an error without a sentence", 0.0))
    client.close()


async def watch(pid, over, memory):
    process = psutil.Process(pid)
    while not over():
        memory.append(process.memory_info().rss / 2**20)
        await asyncio.sleep(0.25)


async def load(url, clients, seconds, pid=None, answers=math.inf):
    """Return what came back: counts of statuses, wrong answers, latencies and memory.

    It goes on for so many seconds, or until so many answers have come.
    """
    parts = urlsplit(url)
    where, token = (parts.hostname, parts.port), parts.path.strip("/")
    status, content = await Client(*where).ask("GET", f"/{token}/data/manifest.json")
    assert status == 200, status
    known, found, memory = requests_of(json.loads(content), token), [], []
    started = time.monotonic()

    def over():
        return time.monotonic() - started > seconds or len(found) >= answers

    others = [watch(pid, over, memory)] if pid else []
    await asyncio.gather(
        *(one_client(where, known, over, seed, found) for seed in range(clients)), *others
    )
    seconds = time.monotonic() - started
    status, _ = await Client(*where).ask("GET", f"/{token}/data/manifest.json")  # it lives
    return summary(found, memory, seconds) | {"alive": status == 200}


def summary(found, memory, seconds):
    counts = {}
    for _, given, _ in found:
        counts[str(given)] = counts.get(str(given), 0) + 1
    late = np.array([spent for _, given, spent in found if given == 200])
    settled = memory[int(SETTLED * len(memory)) :]
    return {
        "answers": len(found),
        "a second": round(len(found) / seconds),
        "statuses": dict(sorted(counts.items())),
        "wrong": sum(given not in (status, 429) for status, given, _ in found),
        "ms at p50, p95": [round(1000 * v) for v in np.percentile(late, [50, 95])],
        "MiB settled, at most": [round(settled[0]), round(max(settled))] if settled else None,
    }


def own_server(port):
    """In a process of its own: serve three models on the digits, print the address."""
    import isthmus as ist
    from isthmus.explorer.manifest import View
    from isthmus.explorer.server import Running, create_app

    images = ist.load_images("digits")
    train = images.train
    models = {
        "pca": ist.PCA(16).fit(train),
        "kmeans": ist.KMeans(20, random_state=0).fit(train),
        "vae": ist.VAE(8, hidden=(64,), max_steps=200, random_state=0).fit(train),
    }
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index.html"
        index.write_text("<!doctype html>")
        view = View(models, images, cache=Path(folder) / "cache", show=False)
        app = create_app(view, {"index.html": index}, "token")
        running = Running(app, "127.0.0.1", port)
        print(f"http://127.0.0.1:{running.port}/token/", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            running.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("url", nargs="?")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pid", type=int, help="process of the server, to watch its memory")
    parser.add_argument("--serve", action="store_true", help="be the server that is asked")
    given = parser.parse_args()
    if given.serve:
        own_server(0)
        return
    if given.url:
        found = asyncio.run(load(given.url, given.clients, given.seconds, given.pid))
    else:
        found = with_own_server(given.clients, given.seconds)
    print(json.dumps(found, indent=1))
    sys.exit(bool(found["wrong"]) or not found["alive"])


def with_own_server(clients, seconds=math.inf, answers=math.inf):
    """Start a server, ask it for so long or so often, stop it."""
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            url = server.stdout.readline().strip()
            return asyncio.run(load(url, clients, seconds, server.pid, answers))
        finally:
            server.terminate()


if __name__ == "__main__":
    main()

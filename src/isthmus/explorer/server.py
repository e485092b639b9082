"""The explorer's server: files by exact name, and models asked by arrays.

Everything lies below a secret token, so that no other user of the machine and no other page in the
browser can read images or ask models. `web/README.md` says what goes over the wire.
"""

from __future__ import annotations

import asyncio
import ipaddress
import mimetypes
import re
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.explorer.api import Refused, Verbs
from isthmus.explorer.limits import AT_WORK, Limits, body_of, check_announced, drained
from isthmus.explorer.manifest import View
from isthmus.explorer.patience import patient
from isthmus.explorer.static import all_files

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self'",
        "connect-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "font-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
"""What the page may do: run its own scripts, workers and WebAssembly, and talk to this server."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",  # with the one above: WebAssembly has threads
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
KINDS = {"f32": "<f4", "i32": "<i4", "u8": "|u1"}
"""X-Type and what it means."""
LOCAL = ("127.0.0.1", "localhost", "[::1]")
"""Names under which a server on this machine is asked; other names could be anyone's."""
BINARY = "application/octet-stream"


def create_app(
    view: View, page: dict[str, Path], token: str, hosts: tuple[str, ...] | None = LOCAL
) -> Starlette:
    """Return the server as an ASGI application.

    Parameters
    ----------
    view : View
        Made with ``live=True``.
    page : dict of str to Path
        Files of the built page by name; see `isthmus.explorer.static.page_files`.
    token : str
        The secret part of every path.
    hosts : tuple of str or None
        Names that a request may give the server, without the port; None allows any.

    Raises
    ------
    ImportError
        If starlette or uvicorn is not installed.
    """
    _check_installed()
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.routing import Route

    pool = ThreadPoolExecutor(AT_WORK, "explorer")
    desk = _Desk(view, page, token, pool)
    routes = [
        Route("/{root}/api/{token}/tags", desk.tags, methods=["GET", "POST"]),
        Route("/{root}/api/{token}/{verb}", desk.ask, methods=["POST"]),
        Route("/{root}/{name:path}", desk.hand_out, methods=["GET"]),
    ]
    app = Starlette(routes=routes, lifespan=_ending)
    app.state.pool = pool
    app.add_exception_handler(Refused, _refusal)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _accident)
    app.add_middleware(_Guarded, hosts=hosts)
    return app


def _check_installed() -> None:
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise ImportError(
            "the explorer's server needs starlette and uvicorn: pip install 'isthmus[explore]', "
            "or write a folder with -o"
        ) from None


@asynccontextmanager
async def _ending(app: Starlette) -> AsyncIterator[None]:
    yield
    app.state.pool.shutdown(wait=False, cancel_futures=True)


class _Desk:
    """Answers requests: files from a table, verbs by models, each in a thread of the pool."""

    def __init__(self, view: View, page: dict[str, Path], token: str, pool: ThreadPoolExecutor):
        self.view, self.token, self.pool = view, token, pool
        self.verbs, self.limits, self.files = Verbs(view), Limits(), all_files(view, page)

    async def ask(self, request: Request) -> Response:
        try:
            return _array_response(await self._asked(request))
        except Refused:
            await drained(request.stream())
            raise

    async def _asked(self, request: Request) -> np.ndarray:
        given = request.path_params
        self._admit(given["root"])
        self._admit(given["token"])
        check_announced(request.headers.get("content-length"))
        limits, query = self.limits, dict(request.query_params)
        # the place last: who sends slowly holds none
        async with limits.enter(), limits.reading(request.stream()) as body, limits.places:
            return await self._run(self._answer, given["verb"], query, body)

    async def tags(self, request: Request) -> Response:
        """Answer with the words that images were given, or keep others."""
        from starlette.responses import JSONResponse

        self._admit(request.path_params["root"])
        self._admit(request.path_params["token"])
        if request.method == "POST":
            check_announced(request.headers.get("content-length"))
            body = await body_of(request.stream())
            await self._run(self._keep_tags, body)
        return JSONResponse(await self._run(self.view.tags.read))

    def _keep_tags(self, body: bytes) -> None:
        try:
            self.view.tags.write(body)
        except ValueError as error:
            raise Refused(400, f"{error}") from None
        except OSError:
            raise Refused(
                500, "tags cannot be kept: the disk is full, or not to be written"
            ) from None

    def _answer(self, verb: str, query: dict[str, str], body: bytes) -> np.ndarray:
        try:
            return self.verbs.answer(verb, query, body)
        except ValueError as error:  # of a model, which says what is wrong with what it was given
            raise Refused(400, str(error)) from None

    async def hand_out(self, request: Request) -> Response:
        self._admit(request.path_params["root"])
        name = request.path_params["name"]
        if name == "data/manifest.json":
            return _response(self.view.manifest_bytes(), "application/json")
        made = self.files.get(name or "index.html")
        if made is None:
            raise Refused(404, "there is no such file")
        path = await self._run(made)
        return _file_response(path, name or "index.html")

    def _admit(self, given: str) -> None:
        if not secrets.compare_digest(given.encode(), self.token.encode()):
            raise Refused(403, "wrong token: open the address that `isthmus explore` printed")

    async def _run(self, work: Callable[..., Any], *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.pool, work, *given)


def _response(content: bytes, kind: str, headers: dict[str, str] | None = None) -> Response:
    from starlette.responses import Response

    return Response(content, media_type=kind, headers=headers)


def _file_response(path: Path, name: str) -> Response:
    from starlette.responses import FileResponse

    known = {".wasm": "application/wasm", ".js": "text/javascript", ".mjs": "text/javascript"}
    kind = known.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or BINARY
    return FileResponse(path, media_type=kind)


def _array_response(array: np.ndarray) -> Response:
    kind = next(kind for kind, dtype in KINDS.items() if array.dtype == np.dtype(dtype))
    shape = ",".join(map(str, array.shape))
    return _response(array.tobytes(), BINARY, {"X-Shape": shape, "X-Type": kind})


async def _refusal(request: Request, error: Any) -> Response:
    return _sentence(error.status, str(error))


async def _http_error(request: Request, error: Any) -> Response:
    return _sentence(error.status_code, f"{error.detail}".lower())


async def _accident(request: Request, error: Any) -> Response:
    return _sentence(500, "something went wrong here; the terminal of `isthmus explore` says what")


def _sentence(status: int, words: str) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse({"error": words}, status)


class _Guarded:
    """Refuses requests under a foreign name, and adds the headers of `HEADERS` to every answer.

    A page elsewhere could point a name of its own at this machine and then read all answers.
    """

    def __init__(self, app: Any, hosts: tuple[str, ...] | None):
        self.app, self.hosts = app, hosts

    async def __call__(
        self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]
    ) -> None:
        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                more = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]
                message = message | {"headers": [*message.get("headers", []), *more]}
            await send(message)

        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif self._is_foreign(scope):
            words = "this server does not answer under that name"
            await _sentence(403, words)(scope, receive, guarded)
        else:
            await self.app(scope, receive, guarded)

    def _is_foreign(self, scope: dict[str, Any]) -> bool:
        given = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        return self.hosts is not None and re.sub(r":\d+$", "", given) not in self.hosts


def hosts_for(host: str) -> tuple[str, ...] | None:
    """Return the names under which a server bound to `host` may be asked.

    Examples
    --------
    >>> hosts_for("127.0.0.1"), hosts_for("0.0.0.0")
    (('127.0.0.1', 'localhost', '[::1]'), None)
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return LOCAL if host == "localhost" else (*LOCAL, host)
    return LOCAL if address.is_loopback else None


class Running:
    """A server that answers in a thread of its own.

    Parameters
    ----------
    app : Starlette
        See `create_app`.
    host : str
        Address to bind to.
    port : int
        Port; 0 takes any that is free. Afterwards `port` is the one that was taken.

    Raises
    ------
    OSError
        If the port is taken, or nothing can be bound to the host.
    """

    def __init__(self, app: Starlette, host: str, port: int):
        import uvicorn

        self._bound = _bound(host, port)
        self.port = int(self._bound.getsockname()[1])
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False,
            timeout_graceful_shutdown=2, http=patient(),
        )  # fmt: skip
        self._server, self._ended = uvicorn.Server(config), threading.Event()
        threading.Thread(target=self._run, name="explorer", daemon=True).start()
        while not (self._server.started or self._ended.is_set()):
            time.sleep(0.005)

    def _run(self) -> None:
        try:
            self._server.run([self._bound])
        finally:
            self._bound.close()
            self._ended.set()

    def wait(self) -> None:
        """Wait until the server has ended; Ctrl-C gets through, as it does not through a join."""
        while not self._ended.wait(0.5):
            pass

    def close(self) -> None:
        """End the server, and wait until it has ended."""
        self._server.should_exit = True
        self.wait()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # else the end of an answer waits 40 ms for the browser to have acknowledged its beginning
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        found.bind((host, port))
    except OSError as error:
        found.close()
        raise OSError(
            f"nothing can be served at {host}, port {port} ({error.strerror}): "
            "try another --port or --host"
        ) from None
    return found

"""Who may speak to the page's server: only the page itself, on this machine, with the token of its address."""

from __future__ import annotations

import hmac

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = "127.0.0.1"
# Scripts and styles come from files of the package, sound from this server; nothing else runs or is loaded.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Gate:
    """Turns away every request that the page did not make, before anything else looks at it.

    The check of `Host` stops a foreign site whose name was made to lead to this machine (DNS rebinding), the checks of
    `Origin` and `Sec-Fetch-Site` one that sends requests from a browser, and the token everybody else on this machine.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        """Guards an app.

        Args:
            app: What answers.
            token: The first part of every path.
            port: Where the server listens.
        """
        self._app, self._token = app, token.encode()
        self._hosts = {f"{HOST}:{port}", f"localhost:{port}"}
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or hands it on."""
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        refusal = self._refusal(scope, Headers(scope=scope))
        await (refusal or self._app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope, headers: Headers) -> PlainTextResponse | None:
        if headers.get("host", "") not in self._hosts:
            return PlainTextResponse("This server answers under its own address only.", 421)
        token = scope["path"].split("/", 2)[1:2]
        if not (token and hmac.compare_digest(token[0].encode("utf-8", "surrogateescape"), self._token)):
            return PlainTextResponse("There is nothing here. Use the whole address that instag printed.", 404)
        is_foreign = headers.get("origin", f"http://{headers['host']}") not in self._origins
        if is_foreign or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return PlainTextResponse("Another site may not speak to this server.", 403)
        if scope["method"] == "POST" and headers.get("content-type", "") != "application/json":
            return PlainTextResponse("Only JSON is taken.", 415)
        return None

"""Refuses what is too large before anything is done with it."""

from starlette.responses import JSONResponse


class Limit:
    """Reads a request's body up to so many bytes, and answers 413 beyond."""

    def __init__(self, app, most):
        self.app = app
        self.most = most

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] != "http.request":  # the client has left
                return None
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self.most:
                answer = JSONResponse({"detail": f"more than {self.most} bytes"}, status_code=413)
                return await answer(scope, receive, send)
        whole = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay():
            return whole.pop() if whole else await receive()

        return await self.app(scope, replay, send)

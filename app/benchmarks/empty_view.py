"""An empty Flask view, to which the Slack server's response time is compared."""

from flask import Flask, Response

app = Flask(__name__, static_folder=None)


@app.post("/<name>")
def empty(name: str) -> Response:  # noqa: ARG001 (the address of any command)
    """Answer without looking at the request."""
    return Response("ok")

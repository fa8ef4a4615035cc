"""Those without a session load only a few files at once."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.web.dashboard.access.strangers import MOST_FILES
from tests.web.dashboard.conftest import Site

FILE = "/bootstrap/static/css/bootstrap.min.css"


@contextmanager
def being_read(site: Site) -> Iterator[TestResponse]:
    """The answer for `FILE`, of which nothing is read."""
    answer = site.client.get(FILE, buffered=False)
    try:
        yield answer
    finally:
        answer.close()


def read(client: FlaskClient, address: str = FILE, **headers: str) -> TestResponse:
    """The answer for *address*, which is read to its end."""
    return client.get(address, headers=headers, buffered=True)


def test_slow_readers_keep_the_owner_out_of_nothing(site: Site) -> None:
    owner = site.client
    site.log_out()
    with ExitStack() as readers:
        answers = [readers.enter_context(being_read(site)) for _ in range(MOST_FILES)]
        assert {answer.status_code for answer in answers} == {200}
        refused = read(site.client)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        assert read(site.client, "/login").status_code == 200
        whole = read(owner)
        assert (whole.status_code, whole.content_length) == (200, len(whole.data))
    again = read(site.client)
    assert (again.status_code, again.data) == (200, whole.data)


def test_a_file_without_a_body_takes_no_place(site: Site) -> None:
    site.log_out()
    kept = {"If-None-Match": read(site.client).headers["ETag"]}
    for _ in range(MOST_FILES + 1):
        assert site.client.head(FILE, buffered=True).status_code == 200
        assert read(site.client, **kept).status_code == 304
        assert read(site.client, "/static/nowhere.js").status_code == 404
    assert read(site.client).status_code == 200

"""An S3 for the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.servers.s3 import Bucket, S3Server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """moto's server, for as long as the tests run."""
    with S3Server() as server:
        yield server


@pytest.fixture
def bucket(s3_server: S3Server) -> Bucket:
    """A bucket of a test's own."""
    return s3_server.bucket()

"""The sessions of the dashboard."""

import time

from app.config.password import PasswordFile
from tests.web.dashboard.conftest import PASSWORD, Site


def test_a_new_password_ends_every_session(site: Site) -> None:
    assert site.get("/").status_code == 200
    PasswordFile(site.data_dir).write(PASSWORD)
    assert site.get("/").status_code == 401


def test_a_session_ends_by_itself(site: Site) -> None:
    days_s = site.config.dashboard.session_days * 86_400
    # The last one began on a clock that was ahead.
    for age_s, status in ((days_s - 60, 200), (days_s + 60, 401), (-3600, 401)):
        with site.client.session_transaction() as session:
            session["since"] = int(time.time() - age_s)
        assert site.get("/").status_code == status

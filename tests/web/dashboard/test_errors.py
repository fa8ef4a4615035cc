"""The answers to requests that fail."""

from tests.web.dashboard.conftest import Site


def test_people_get_a_page_and_programs_get_text_or_json(site: Site) -> None:
    page = site.get("/nowhere", Accept="text/html,*/*;q=0.8")
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "There is no such page." in page.text
    json = site.get("/nowhere", Accept="application/json")
    assert json.json == {"error": "There is no such page. What it showed may have been deleted."}
    assert site.get("/nowhere").text.startswith("404 Not Found: There is no such page.")


def test_a_wrong_method_names_the_right_ones(site: Site) -> None:
    refused = site.get("/logout")
    assert (refused.status_code, "POST" in refused.headers["Allow"]) == (405, True)


def test_an_old_page_says_what_to_do(site: Site) -> None:
    refused = site.client.post("/logout", headers={"Accept": "application/json"})
    assert refused.status_code == 400
    assert refused.json
    assert refused.json["error"] == "This page is too old. Reload it, and try again."
    assert site.get("/").status_code == 200
    headers = {"Accept": "application/json", "X-CSRFToken": refused.json["token"]}
    assert site.client.post("/logout", headers=headers).status_code == 302
    # Without a session there is nothing to renew.
    assert "token" not in (site.client.post("/logout", headers=headers).json or {})

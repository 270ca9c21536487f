"""The operators' site: pages beside those of models, and users, groups and tokens in its look."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static
from django.test import Client, RequestFactory

from accounts.roles import EDIT_RULES, VIEW_LIVE
from monitoring.site import OperatorsSite, Page, site

AsUser = Callable[..., Client]


def answer(request: HttpRequest) -> HttpResponse:
    return HttpResponse("here it is")


def asked(client: Client, permission: str) -> HttpResponse:
    """What who is logged in to ``client`` gets of a page that needs ``permission``."""
    made = OperatorsSite("admin")
    made.register_page(Page(route="it/", view=answer, name="it", permission=permission))
    request = RequestFactory().get("/admin/it/")
    request.session = client.session
    request.user = get_user(request)
    [url] = made.extra_urls()
    return url.callback(request)


def test_the_projects_admin_is_this_site() -> None:
    assert isinstance(site(), OperatorsSite)


def test_a_page_is_for_staff_with_its_permission(as_user: AsUser) -> None:
    viewer = as_user("viewer")
    assert asked(viewer, VIEW_LIVE).content == b"here it is"
    with pytest.raises(PermissionDenied):
        asked(viewer, EDIT_RULES)


def test_a_page_sends_who_is_no_staff_to_the_login(as_user: AsUser) -> None:
    assert asked(as_user("viewer", staff=False), VIEW_LIVE).status_code == 302


def test_who_logs_in_on_the_login_page_itself_comes_to_the_first_page(db: None) -> None:
    User.objects.create_superuser("root", password="a-password-for-tests")
    form = {"username": "root", "password": "a-password-for-tests"}
    assert Client().post("/admin/login/", form)["Location"] == "/admin/"


def test_every_page_has_the_servers_icon(as_user: AsUser) -> None:
    icon = static("deepstream/icon.svg")
    assert finders.find("deepstream/icon.svg")
    for answer in (Client().get("/"), Client().get("/admin/login/"), as_user("viewer").get("/admin/")):
        assert f'href="{icon}"' in answer.content.decode()


def test_a_page_without_a_title_is_not_in_the_sidebar(as_user: AsUser) -> None:
    html = as_user("viewer").get("/admin/").content.decode()
    assert 'href="/admin/clients/"' in html
    assert 'href="/admin/client/"' not in html


def test_the_sidebar_leads_all_staff_to_the_rest_apis_page(as_user: AsUser) -> None:
    for client in (as_user("viewer"), as_user(None, name="ned")):
        assert 'href="/rest/v1/docs/"' in client.get("/admin/").content.decode()
        assert client.get("/rest/v1/docs/").status_code == 200


def test_the_sidebar_leads_nobody_else_there(as_user: AsUser) -> None:
    for client in (Client(), as_user("viewer", staff=False)):
        request = RequestFactory().get("/admin/")
        request.session = client.session
        request.user = get_user(request)
        shown = [item["title"] for group in site().get_sidebar_list(request) for item in group["items"]]
        assert "REST API" not in shown


@pytest.mark.parametrize("kind", ["auth/user", "auth/group", "authtoken/tokenproxy"])
@pytest.mark.parametrize("what", ["", "add/"])
def test_users_groups_and_tokens_are_kept_in_the_sites_look(as_user: AsUser, kind: str, what: str) -> None:
    answer = as_user("administrator").get(f"/admin/{kind}/{what}")
    assert answer.status_code == 200
    assert b"unfold/css/styles." in answer.content

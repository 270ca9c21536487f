"""What every endpoint is made of: who may use it, and the answer where there is none."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponseBase, HttpResponsePermanentRedirect
from django.urls import resolve
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from rest.names import refuse_broken_path
from rest.problems import Problem


class IsPermitted(BasePermission):
    """Staff whose permissions, through groups or not, contain what the view ``needs`` for the method."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """See BasePermission; who is nobody is asked to log in, by a 401."""
        user = request.user
        if not user.is_authenticated:
            return False
        if not user.is_staff:
            self.message = "Only staff may use this API."
            return False
        needed = getattr(view, "needs", {}).get("GET" if request.method == "HEAD" else request.method)
        if needed is not None and not user.has_perm(needed):
            self.message = f"This needs the permission {needed}."
            return False
        return True


class Endpoint(APIView):
    """A view of this API; ``needs`` has the permission for each method, none for who is staff at all."""

    permission_classes: Any = (IsPermitted,)
    http_method_names: Any = ("get", "head", "put", "post", "patch", "delete")
    needs: ClassVar[dict[str, str]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """See APIView."""
        refuse_broken_path(request)
        super().initial(request, *args, **kwargs)


class Nowhere(Endpoint):
    """All paths under /rest/v1/ where there is nothing, but for a slash that was left out."""

    permission_classes: Any = (AllowAny,)
    authentication_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Whatever the method: there is nothing."""
        refuse_broken_path(request)
        if getattr(resolve(f"{request.path_info}/").func, "cls", None) is Nowhere:
            raise Problem(404, "There is nothing here; /rest/v1/docs/ shows all that there is.")
        super().initial(request, *args, **kwargs)

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Collections end in a slash."""
        return _with_slash(request)


def _with_slash(request: Request) -> HttpResponseBase:
    query = request.META.get("QUERY_STRING", "")
    answer = HttpResponsePermanentRedirect(f"{request.path}/{'?' if query else ''}{query}")
    answer.status_code = 308  # the method and the body stay
    return answer


def username(request: Request) -> str:
    """Who asks, as the author of a write."""
    return request.user.get_username()

"""Static files: named by content once collected, plainly before that, and served without a web server."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Hashed names and compressed copies, except for files that ``collectstatic`` has not seen.

    Those keep their plain name, which WhiteNoise finds in the apps, so that a fresh checkout and the
    tests serve pages without a build step.
    """

    def stored_name(self, name: str) -> str:
        try:
            return str(super().stored_name(name))
        except ValueError:
            return name


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise, with each file answered whole.

    Its own answer is a synchronous stream, which Django under ASGI reads to the end anyway, with a warning.
    """

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        answer = static_file.get_response(request.method, request.META)
        content = b""
        if answer.file is not None:
            with answer.file:
                content = answer.file.read()
        response = HttpResponse(content, status=int(answer.status))
        del response["Content-Type"]  # WhiteNoise names its own, or none for "not modified"
        for name, value in answer.headers:
            response[name] = value
        return response

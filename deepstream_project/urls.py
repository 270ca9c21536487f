"""The pages of this project; deepstream's own endpoints are routed before them, by the gateway."""

from django.contrib import admin
from django.urls import include, path

from deepstream_project.welcome import Welcome
from monitoring.views.metrics import metrics

urlpatterns = [
    path("", Welcome.as_view(), name="index"),
    path("admin/", admin.site.urls),
    path("metrics", metrics, name="metrics"),
    path("rest/v1/", include("rest.urls")),
]

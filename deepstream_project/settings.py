"""Django's settings: fit for production as they are, changed by environment variables.

    DEBUG=1             development: tracebacks in the browser, plain HTTP
    SECRET_KEY          signs sessions; else made once and kept in VAR/secret_key
    DEEPSTREAM_CONFIG   the configuration, a file or a folder; else it is looked for (docs/configuration.md)
    DATABASE_URL        as dj-database-url reads it; else `storage` of the configuration; else SQLite in
                        VAR/deepstream.sqlite3
    SQLITE_SYNCHRONOUS  FULL (default: a commit survives a power cut), NORMAL (it survives a crash) or OFF
    REDIS_URL           joins several server processes; else `clusterNode` of the configuration; else one
                        process for itself
    ALLOWED_HOSTS, CSRF_TRUSTED_ORIGINS     comma-separated; else localhost
    INSECURE_HTTP=1     serve the admin over plain HTTP: no redirect, cookies without "secure"
    BEHIND_PROXY=1      believe X-Forwarded-Proto, which the proxy must set itself
    HSTS_SECONDS        how long a browser insists on HTTPS (default a day; 0 = off)
    REST_RATE           requests a minute that a user may make of the REST API (default 1200; 0 = any number)
    LOG_LEVEL           DEBUG, INFO (default), WARNING, ERROR or CRITICAL
    TIME_ZONE           for pages and logs (default UTC)
    DEEPSTREAM_VAR      the folder of everything made at run time (default var/)
    METRICS_TOKEN       lets Prometheus read /metrics, which else is for staff alone (docs/monitoring.md)
    PLAYGROUND=0        no playground on the page at / (default 1)
    DEEPSTREAM_COMPILED=0   leave the compiled build alone, if there is one; 1: refuse to start without it
    RECORD_DECISIONS    how many of the latest decisions of the rules each server keeps from its start, to try
                        drafts on (default 0; an operator can switch it on and off while it runs)

Deepstream's own options are in its configuration, conf/config.yml, of which only `storage`, `clusterNode` and
`logger` are read here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.templatetags.static import static

from deepstream_project import IS_COMPILED
from deepstream_project.backends import NO_DATABASE, choose_database, choose_layer, layers_on
from deepstream_project.config_parts import load_parts
from deepstream_project.config_services import LoggerConfig
from deepstream_project.environment import choice, flag, number, secret_key, words

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("DEEPSTREAM_VAR") or BASE_DIR / "var").absolute()
STATIC_ROOT = VAR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)

DEBUG = flag("DEBUG")
INSECURE_HTTP = flag("INSECURE_HTTP", default=DEBUG)
SECRET_KEY = os.environ.get("SECRET_KEY") or secret_key(VAR / "secret_key")
ALLOWED_HOSTS = words("ALLOWED_HOSTS", default=["localhost", ".localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = words(
    "CSRF_TRUSTED_ORIGINS",
    default=[f"{way}://{host}:6020" for way in ("http", "https") for host in ("localhost", "127.0.0.1")],
)

INSTALLED_APPS = [
    "deepstream_project.apps.DaphneCommands",  # first: its runserver speaks WebSocket
    "whitenoise.runserver_nostatic",
    "unfold.apps.BasicAppConfig",  # before the admin, whose templates it replaces
    "monitoring.admin_config.OperatorsAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "events",
    "records",
    "rpc",
    "presence",
    "permissions",
    "accounts",
    "cluster",
    "gateway",
    "monitoring",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "deepstream_project.staticfiles.StaticFilesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "deepstream_project.urls"
ASGI_APPLICATION = "deepstream_project.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Storage and the way between processes ---------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CONFIGURED, _problems = load_parts(os.environ)
# Write-ahead logging lets readers go on during a commit. BEGIN IMMEDIATE (in choose_database) takes the write
# lock first, because a transaction that asks for it in the middle fails at once instead of waiting.
_synchronous = choice("SQLITE_SYNCHRONOUS", ("FULL", "NORMAL", "OFF"), default="FULL")
_database = choose_database(
    os.environ.get("DATABASE_URL"),
    CONFIGURED.storage,
    sqlite=VAR / "deepstream.sqlite3",
    pragmas=f"PRAGMA journal_mode=WAL; PRAGMA synchronous={_synchronous}",
)
DATABASES: dict[str, Any] = _database.value
_layer = choose_layer(os.environ.get("REDIS_URL"), CONFIGURED.cluster_node)
REDIS_URL = _layer.value or ""
CHANNEL_LAYERS: dict[str, Any] = layers_on(_layer.value)
# Who chose them, for `deepstream info`.
DEEPSTREAM_ORIGINS = {"database": _database.origin, "redis": _layer.origin}
# Whether this process runs the compiled build (deepstream_project/compiled.py).
DEEPSTREAM_IS_COMPILED = IS_COMPILED
# Why there is no database, which `manage.py check` and all that needs one say.
DEEPSTREAM_PROBLEMS = (
    *(_problems if _database.value is NO_DATABASE else ()),
    *filter(None, [_database.problem]),
)

# --- Pages and static files ------------------------------------------------------------------------

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "deepstream_project.staticfiles.StaticStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG or not (STATIC_ROOT / "staticfiles.json").exists()
MEDIA_ROOT = VAR / "media"
METRICS_TOKEN = os.environ.get("METRICS_TOKEN") or ""
PLAYGROUND = flag("PLAYGROUND", default=True)
RECORD_DECISIONS = number("RECORD_DECISIONS", default=0)

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = os.environ.get("TIME_ZONE") or "UTC"

_rest_rate = number("REST_RATE", default=1200)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",  # the first one says how to log in
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_RENDERER_CLASSES": ["rest.rendering.JsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_METADATA_CLASS": None,  # what there is says the schema
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "user": f"{_rest_rate}/min" if _rest_rate else None,
        "anon": "60/min",
        "login": "10/min",
    },
    "NUM_PROXIES": 1 if flag("BEHIND_PROXY") else 0,
    "EXCEPTION_HANDLER": "rest.problems.as_response",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "deepstream",
    "DESCRIPTION": "What operators see of the server, for programs. Writes are stored and broadcast.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/rest/v1",
    "SERVE_PERMISSIONS": ["rest.views.IsPermitted"],
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "displayRequestDuration": True, "docExpansion": "list"},
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "COMPONENT_SPLIT_PATCH": False,
    "COMPONENT_SPLIT_REQUEST": True,  # what is sent and what comes back differ, as in blank texts
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "rest.schema.add_problems"],
}

UNFOLD = {
    "SITE_TITLE": "deepstream",
    "SITE_HEADER": "deepstream",
    "SITE_SYMBOL": "stream",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _: static("deepstream/icon.svg")}
    ],
    "SHOW_HISTORY": True,
    "STYLES": [lambda _: static("monitoring/operators.css")],
}
LOGIN_REDIRECT_URL = "admin:index"

# --- Security --------------------------------------------------------------------------------------

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not INSECURE_HTTP
SECURE_REDIRECT_EXEMPT = [r"^health-check$"]  # a load balancer asks over plain HTTP
SECURE_HSTS_SECONDS = 0 if INSECURE_HTTP else number("HSTS_SECONDS", default=24 * 60 * 60)
BEHIND_PROXY = flag("BEHIND_PROXY")
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains and
    "security.W021",  # HSTS preloading: promises about a whole domain, which are not this server's to make
]

# --- Logging ---------------------------------------------------------------------------------------

LOG_LEVEL = choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), default="INFO")
_logger = CONFIGURED.logger or LoggerConfig()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "monitoring.logs.formatter", "kind": _logger.type, "colors": _logger.colors},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "django.server": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "httpx": {"level": "WARNING"},  # INFO would log every login that a web service decides,
        "httpcore": {"level": "WARNING"},  # and DEBUG its headers
        "django.db.backends": {"level": "INFO"},  # DEBUG would log every statement of every write
    },
}

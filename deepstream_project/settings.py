"""Django's settings: fit for production as they are, changed by environment variables alone.

    DEBUG=1             development: tracebacks in the browser, plain HTTP
    SECRET_KEY          signs sessions; else made once and kept in VAR/secret_key
    DATABASE_URL        as dj-database-url reads it; else SQLite in VAR/deepstream.sqlite3
    SQLITE_SYNCHRONOUS  FULL (default: a commit survives a power cut), NORMAL (it survives a crash) or OFF
    REDIS_URL           joins several server processes; else one process for itself
    ALLOWED_HOSTS, CSRF_TRUSTED_ORIGINS     comma-separated; else localhost
    INSECURE_HTTP=1     serve the admin over plain HTTP: no redirect, cookies without "secure"
    BEHIND_PROXY=1      believe X-Forwarded-Proto, which the proxy must set itself
    HSTS_SECONDS        how long a browser insists on HTTPS (default a day; 0 = off)
    LOG_LEVEL           DEBUG, INFO (default), WARNING, ERROR or CRITICAL
    TIME_ZONE           for pages and logs (default UTC)
    DEEPSTREAM_VAR      the folder of everything made at run time (default var/)

Deepstream's own options are in conf/config.yml.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dj_database_url

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
    "daphne",  # first: its runserver speaks WebSocket
    "whitenoise.runserver_nostatic",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
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
DATABASE_URL = os.environ.get("DATABASE_URL") or f"sqlite:///{VAR / 'deepstream.sqlite3'}"
DATABASES: dict[str, Any] = {"default": dj_database_url.parse(DATABASE_URL)}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Write-ahead logging lets readers go on during a commit. BEGIN IMMEDIATE takes the write lock first,
    # because a transaction that asks for it in the middle fails at once instead of waiting for `timeout`
    # seconds.
    _synchronous = choice("SQLITE_SYNCHRONOUS", ("FULL", "NORMAL", "OFF"), default="FULL")
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": f"PRAGMA journal_mode=WAL; PRAGMA synchronous={_synchronous}",
        **DATABASES["default"].get("OPTIONS", {}),
    }

if REDIS_URL := os.environ.get("REDIS_URL", ""):
    CHANNEL_LAYERS: dict[str, Any] = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL], "prefix": "deepstream"},
        }
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

# --- Pages and static files ------------------------------------------------------------------------

STATIC_URL = "/static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "deepstream_project.staticfiles.StaticStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG or not (STATIC_ROOT / "staticfiles.json").exists()
MEDIA_ROOT = VAR / "media"

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = os.environ.get("TIME_ZONE") or "UTC"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.SessionAuthentication",
        "rest_framework.authentication.BasicAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "PAGE_SIZE": 100,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

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
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "format": "{asctime}.{msecs:03.0f} {levelname} {name} {message}",
            "style": "{",
            "datefmt": "%Y-%m-%dT%H:%M:%S",
        }
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

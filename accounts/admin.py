"""Users, groups and tokens in the operators' site: Django's own pages in its look."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from rest_framework.authtoken.admin import TokenAdmin
from rest_framework.authtoken.models import TokenProxy
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

for model in (User, Group, TokenProxy):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(User)
class Users(UserAdmin, ModelAdmin):
    """Those who may log in to the admin and, with the strategy ``django``, as clients."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class Groups(GroupAdmin, ModelAdmin):
    """Viewer, operator, rule editor, administrator, and whatever was made beside them."""


@admin.register(TokenProxy)
class Tokens(TokenAdmin, ModelAdmin):
    """Tokens for the REST API."""

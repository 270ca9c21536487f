"""The forms of the rules' pages."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from permissions.asking import ABSENT, ACTIONS
from permissions.models import RuleSetVersion

LONGEST_SOURCE = 1_000_000
"""Characters of rules that the editor takes."""

LONGEST_NAME = 8192
"""Characters of a name that is asked about."""

OFFERED = 50
"""Versions that can be chosen from, the latest."""


class DraftForm(forms.Form):
    """The editor: the text of the rules, and why they are written."""

    source = forms.CharField(
        label="Rules",
        max_length=LONGEST_SOURCE,
        strip=False,
        widget=UnfoldAdminTextareaWidget(
            attrs={"rows": 24, "spellcheck": "false", "autocapitalize": "off", "wrap": "off"}
        ),
        help_text="YAML or JSON: section, path, rule type, expression.",
    )
    comment = forms.CharField(
        required=False,
        max_length=2000,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Why, for those who read the list later.",
    )

    def clean_source(self) -> str:
        """Browsers send lines that end in two characters; rules are kept with one."""
        return str(self.cleaned_data["source"]).replace("\r\n", "\n").replace("\r", "\n")


class ActivationForm(forms.Form):
    """Why a version is put in force, and which one was active when the page was shown."""

    comment = forms.CharField(
        required=False,
        max_length=2000,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Why, for those who read the list later.",
    )
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput())


class JsonField(forms.CharField):
    """JSON as text; ``ABSENT`` if nothing was entered, which is not ``null``."""

    def __init__(self, **options: Any) -> None:
        attributes = {"rows": 3, "spellcheck": "false", "class": "rules-json"}
        super().__init__(
            required=False,
            max_length=1_000_000,
            widget=UnfoldAdminTextareaWidget(attrs=attributes),
            **options,
        )

    def clean(self, value: Any) -> Any:
        """The value; raises ``ValidationError`` that says where the text is no JSON."""
        text = super().clean(value)
        if not text.strip():
            return ABSENT
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValidationError(f"This is no JSON: {error}") from None
        except RecursionError:
            raise ValidationError("This is nested too deeply.") from None


_GIVEN = {"user_data": "user_data", "data": "payload", "old_data": "old_data", "records": "records"}


class SimulatorForm(forms.Form):
    """Who would do what with which name."""

    action = forms.ChoiceField(
        choices=[(action, action) for action in ACTIONS],
        initial="record.write",
        widget=UnfoldAdminSelectWidget(),
    )
    name = forms.CharField(
        max_length=LONGEST_NAME,
        strip=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="The record, event, RPC, pattern or user asked about.",
    )
    user = forms.CharField(
        required=False,
        max_length=LONGEST_NAME,
        strip=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Empty: somebody with an open login.",
    )
    user_data = JsonField(
        label="User's data",
        help_text="JSON of user.data. Empty: what the server knows of a user who is connected or configured.",
    )
    payload = JsonField(label="Data", help_text="JSON that is written, published or requested.")
    path = forms.CharField(
        required=False,
        max_length=LONGEST_NAME,
        widget=UnfoldAdminTextInputWidget(),
        help_text="record.patch: where in the record.",
    )
    old_data = JsonField(
        label="Old data", help_text="JSON that the record holds. Empty: the live record. null: there is none."
    )
    records = JsonField(
        label="Other records",
        help_text='JSON like {"name": data}, for _(…) in rules. Those left out are the live ones.',
    )
    version = forms.ChoiceField(required=False, label="Rules", widget=UnfoldAdminSelectWidget())
    node = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget())

    def __init__(self, *arguments: Any, nodes: list[str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        chosen = (self.data if self.is_bound else self.initial).get("version")
        choice(self, "version").choices = [("", "in force at the node"), *versions(chosen)]
        choice(self, "node").choices = [("", "any"), *((node, node) for node in nodes)]

    def clean_records(self) -> Any:
        """An object, by name."""
        records = self.cleaned_data["records"]
        if records is ABSENT or isinstance(records, dict):
            return records
        raise ValidationError('This must be an object like {"name": data}.')

    def clean(self) -> dict[str, Any]:
        """A patch needs to know where and what."""
        found: dict[str, Any] = self.cleaned_data
        if found.get("action") == "record.patch":
            if not found.get("path"):
                self.add_error("path", "record.patch needs a path.")
            if found.get("payload", ABSENT) is ABSENT:
                self.add_error("payload", "record.patch needs data.")
        return found

    def arguments(self) -> dict[str, Any]:
        """Of the operation ``rules.explain``."""
        given = {
            argument: self.cleaned_data[name]
            for argument, name in _GIVEN.items()
            if self.cleaned_data[name] is not ABSENT
        }
        return given | {
            "action": self.cleaned_data["action"],
            "name": self.cleaned_data["name"],
            "user": self.cleaned_data["user"] or None,
            "path": self.cleaned_data["path"] or None,
        }


class RecordingForm(forms.Form):
    """How many decisions are recorded, and for how long."""

    limit = forms.IntegerField(
        label="Decisions",
        min_value=1,
        max_value=100_000,
        initial=10_000,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"}),
        help_text="The latest so many are kept, on each node.",
    )
    minutes = forms.IntegerField(
        min_value=1,
        max_value=7 * 24 * 60,
        initial=60,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"}),
        help_text="Then recording ends by itself.",
    )


class TrialForm(forms.Form):
    """Which version is tried."""

    version = forms.ChoiceField(label="Version", widget=UnfoldAdminSelectWidget())

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        chosen = (self.data if self.is_bound else self.initial).get("version")
        choice(self, "version").choices = versions(chosen)


def choice(form: forms.Form, name: str) -> forms.ChoiceField:
    """The field of a form from whose values one is chosen."""
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    return field


def versions(chosen: Any = None) -> list[tuple[str, str]]:
    """The latest versions, and the ``chosen`` one if it is older, as choices."""
    rows = RuleSetVersion.objects.order_by("-number").values_list("number", "state", "comment")
    found = list(rows[:OFFERED])
    if str(chosen).isascii() and str(chosen).isdigit() and all(str(row[0]) != str(chosen) for row in found):
        found += rows.filter(number=int(str(chosen)[:18]))
    return [(str(number), _label(number, state, comment)) for number, state, comment in found]


def _label(number: int, state: str, comment: str) -> str:
    return f"version {number} ({state})" + (f": {comment[:60]}" if comment else "")

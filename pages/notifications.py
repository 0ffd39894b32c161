"""Notifications: what was told and what was not, the rules, and the channels."""

from uuid import UUID

import streamlit as st

from pages.parts import filters, notices, problems
from pages.parts.channel_list import add_channel, change_channel, channel_list, remove_channel, test_channel
from pages.parts.language import _, marked
from pages.parts.notification_list import notification_list
from pages.parts.rule_list import add_rule, change_rule, remove_rule, rule_list

VIEWS = {"told": marked("Sent and waiting"), "rules": marked("Rules"), "channels": marked("Channels")}


def page() -> None:
    """Shows the page."""
    notices.answer(
        {
            "add_channel": add_channel,
            "test_channel": lambda given: test_channel(UUID(given)),
            "change_channel": lambda given: change_channel(UUID(given)),
            "remove_channel": lambda given: remove_channel(UUID(given)),
            "add_rule": add_rule,
            "change_rule": lambda given: change_rule(UUID(given)),
            "remove_rule": lambda given: remove_rule(UUID(given)),
        }
    )
    st.title(_("Notifications"), anchor=False)
    with problems.page():
        view = filters.choice("view", _("View"), {name: _(label) for name, label in VIEWS.items()}, "told")
        if view == "rules":
            rule_list()
        elif view == "channels":
            channel_list()
        else:
            notification_list()


page()

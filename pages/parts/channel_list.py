"""Channels: listed without their secrets, added, tested, changed and removed."""

from uuid import UUID

import streamlit as st

from core.notifications import channels
from core.notifications.channels import Channel
from pages.parts import notices, problems, table
from pages.parts.acting import actor
from pages.parts.confirming import confirmed
from pages.parts.language import _
from pages.parts.notices import fresh_key, still_there, toast_later
from pages.parts.words import plain

EXAMPLE = "mailtos://user:password@example.org?to=ops@example.org"


def channel_list() -> None:
    """Shows them."""
    with st.container(horizontal=True, key="toolbar"):
        st.button(
            _("Add a channel"),
            type="primary",
            icon=":material/add:",
            on_click=notices.ask,
            args=("add_channel",),
        )
    found = channels.find()
    if not found:
        st.info(_("There is no channel. Add one: mail, Slack, Teams, a webhook, or another service."))
        return
    columns = [
        table.Column("name", _("Name"), heads=True),
        table.Column("shown", _("Address")),
        table.Column("by", _("Added by"), "narrow"),
        table.actions_column(),
    ]
    table.table("channels", _("Channels"), columns, [_row(one) for one in found], notices.ask)


def _row(one: Channel) -> table.Row:
    return table.Row(
        id=str(one.id),
        name=one.name,
        cells={
            "name": [table.text(one.name, strong=True)],
            "shown": [table.text(one.shown, mono=True, quiet=True)],
            "by": [table.text(one.created_by or "–", quiet=True)],
            "actions": [
                table.actions(
                    table.action("test_channel", _("Send a test")),
                    table.action("change_channel", _("Change")),
                    table.action("remove_channel", _("Remove"), look="danger"),
                )
            ],
        },
    )


def add_channel() -> None:
    """Opens the dialog that adds one."""
    st.dialog(_("Add a channel"))(_edit)(None, fresh_key("channel"))


def change_channel(channel_id: UUID) -> None:
    """Opens the dialog that gives one another name or address.

    Raises:
        NotFound, Unavailable.
    """
    one = still_there(channels.find(), channel_id)
    st.dialog(_("Change the channel"))(_edit)(one, fresh_key("channel"))


def _edit(one: Channel | None, key: str) -> None:
    with st.form(f"{key} form", border=False):
        name = st.text_input(
            _("Name"),
            one.name if one else "",
            placeholder=_("such as On call"),
            key=f"{key} name",
        )
        address = st.text_input(
            _("Address (Apprise URL)"),
            type="password",
            placeholder=EXAMPLE if one is None else _("leave empty to keep it"),
            autocomplete="off",
            key=f"{key} address",
        )
        st.caption(
            _("Mail: {mail}. Slack, Teams, Discord and others: the address of their webhook.").format(
                mail=_address(EXAMPLE)
            )
        )
        st.caption(_("It is sealed before it is saved, and never shown again."))
        saved = confirmed(_("Save"), key, form=True)
    if not saved:
        return
    if not name.strip() or (one is None and not address.strip()):
        st.error(_("Give a name and an address."), icon=":material/error:")
        return
    with problems.told():
        if one is None:
            channels.add(actor(), name, address)
            toast_later(_("The channel is added. Send a test to see whether it works."))
        else:
            channels.change(actor(), one.id, name=name, address=address.strip() or None)
            toast_later(_("The channel is changed."))
        st.rerun()


def _address(shown: str) -> str:
    # As code: Markdown would make a link of it.
    return f"`` {shown} ``"


def test_channel(channel_id: UUID) -> None:
    """Sends a test, and shows what comes of it."""
    with problems.told():
        channels.test(actor(), channel_id)
        toast_later(_("A test is on its way: Sent and waiting tells what comes of it."))
        st.rerun()


def remove_channel(channel_id: UUID) -> None:
    """Opens the dialog that removes one.

    Raises:
        NotFound, Unavailable.
    """
    one = still_there(channels.find(), channel_id)
    st.dialog(_("Remove this channel?"))(_remove)(one, fresh_key("remove"))


def _remove(one: Channel, key: str) -> None:
    st.markdown(f"**{plain(one.name)}**, {_address(one.shown)}")
    st.markdown(_("Its rules go with it, and what waits for it is not sent."))
    if confirmed(_("Remove"), key, danger=True, leave=_("Keep it")):
        with problems.told():
            channels.remove(actor(), one.id)
            toast_later(_("The channel is removed."))
            st.rerun()

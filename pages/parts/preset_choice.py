"""What a form begins with: defaults, what was used last, or a preset; keeping what it holds as one."""

from dataclasses import dataclass

import streamlit as st

from core import presets
from core.catalogue import Cron
from core.parameters import Parameters
from pages.parts import problems
from pages.parts.acting import actor
from pages.parts.confirming import dangerous
from pages.parts.language import _
from pages.parts.parameters import Edited
from pages.parts.words import plain

DEFAULTS, LAST_USED, GIVEN, PRESET = "defaults", "last", "given", "preset"
Choice = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a form may begin with."""

    choice: Choice
    label: str
    parameters: Parameters


def begin_with(cron: Cron, given: Parameters | None, key: str, *, in_dialog: bool = True) -> Parameters:
    """Shows what the form below may begin with; another choice lets it begin anew.

    Args:
        cron: whose parameters they are.
        given: those of an earlier run or of the plan that is changed, if there are such.
        key: names the form, as `parameters_editor` is told it.
        in_dialog: whether it stands in a dialog, which alone runs again then.

    Returns:
        What the form begins with.
    """
    if not cron.parameters.get("properties"):
        return given or {}
    offered = _offered(cron, given, key)
    chosen_key = f"{key} begin"
    # Of a preset that was just kept or removed; a widget's choice can be set before it is shown only.
    if f"{key} kept" in st.session_state:
        st.session_state[chosen_key] = st.session_state.pop(f"{key} kept")
    if st.session_state.get(chosen_key) not in offered:
        st.session_state[chosen_key] = next(iter(offered))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            _("Begin with"),
            list(offered),
            index=list(offered).index(st.session_state[chosen_key]),
            format_func=lambda choice: offered[choice].label,
            key=chosen_key,
            persist_state="page",
            on_change=lambda: _begin_anew(cron, offered[st.session_state[chosen_key]], key),
        )
        if chosen[0] == PRESET and st.button(
            dangerous(_("Delete the preset")), icon=":material/delete:", type="tertiary", key=f"{key} forget"
        ):
            with problems.told():
                presets.remove(actor(), cron.name, chosen[1])
                st.session_state[f"{key} kept"] = next(iter(offered))
                st.rerun(scope="fragment" if in_dialog else "app")
    if said := st.session_state.pop(f"{key} said", None):
        st.success(plain(said), icon=":material/bookmark_added:")
    unfit = st.session_state.get(f"{key} unfit")
    if unfit:
        told = _("This no longer fits the cron and was left out: {names}.").format(names=", ".join(unfit))
        st.warning(plain(told), icon=":material/warning:")
    return offered[chosen].parameters


def _offered(cron: Cron, given: Parameters | None, key: str) -> dict[Choice, Beginning]:
    found: list[Beginning] = []
    if given:
        found.append(Beginning((GIVEN, ""), _("Its own parameters"), given))
    found.append(Beginning((DEFAULTS, ""), _("Defaults"), {}))
    # Read once: what is planned meanwhile must not change what a choice means.
    last = st.session_state.setdefault(f"{key} last used", presets.last_used(cron.name))
    if last:
        found.append(Beginning((LAST_USED, ""), _("Last used"), last))
    found += [
        Beginning((PRESET, preset.name), _("Preset: {name}").format(name=preset.name), preset.parameters)
        for preset in presets.find(cron.name)
    ]
    return {one.choice: one for one in found}


def _begin_anew(cron: Cron, chosen: Beginning, key: str) -> None:
    fitting, unfit = presets.fitting(cron, chosen.parameters)
    before: Edited | None = st.session_state.get(f"{key} edited")
    edited = Edited(fitting)
    if before is not None:
        edited.view, edited.version = before.view, before.version + 1
    st.session_state[f"{key} edited"] = edited
    st.session_state[f"{key} unfit"] = unfit


def keep(cron: Cron, edited: Edited, key: str, *, in_dialog: bool = True) -> None:
    """Offers to keep what a form holds as a preset.

    Args:
        cron: whose parameters they are.
        edited: what the form holds.
        key: names the form.
        in_dialog: whether it stands in a dialog, which alone runs again then.
    """
    if not cron.parameters.get("properties"):
        return
    ready = edited.latest is not None and not edited.problems
    with st.popover(
        _("Save as preset…"), icon=":material/bookmark_add:", type="tertiary", disabled=not ready
    ):
        name = st.text_input(_("Name of the preset"), autocomplete="off", key=f"{key} preset name")
        taken = (name or "").strip() in {preset.name for preset in presets.find(cron.name)}
        if taken:
            st.caption(_("A preset has this name: it will be replaced."))
        label = _("Replace the preset") if taken else _("Save the preset")
        if (
            st.button(label, disabled=not (name or "").strip(), key=f"{key} keep")
            and edited.latest is not None
        ):
            with problems.told():
                kept = presets.save(actor(), cron.name, name or "", edited.latest, replace=taken)
                st.session_state[f"{key} kept"] = (PRESET, kept.name)
                st.session_state[f"{key} said"] = _("Saved as preset: {name}.").format(name=kept.name)
                # The whole page would close a dialog.
                st.rerun(scope="fragment" if in_dialog else "app")

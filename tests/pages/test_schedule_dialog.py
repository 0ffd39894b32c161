"""The dialog that plans a run: when, with what, and what is told before it is confirmed."""

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from playwright.sync_api import Locator, Page, expect

from core import schedules, wallclock
from core.actors import Actor
from tests.pages.conftest import Visitor

PARIS = ZoneInfo("Europe/Paris")


def opened(page: Page, cron: str = "Greet") -> Locator:
    """The dialog that schedules the cron."""
    page.get_by_role("button", name=f"Schedule: {cron}").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("in 1 hour").wait_for()
    return dialog


def type_into(dialog: Locator, label: str, digits: str) -> None:
    """Types a date or a time, which are made of segments: from the first one on."""
    group = dialog.get_by_role("group", name=label) if label == "Time" else dialog.get_by_label(label)
    group.first.get_by_role("spinbutton").first.click()
    dialog.page.keyboard.type(digits)
    dialog.page.keyboard.press("Tab")


def next_change(forward: bool) -> date:
    """The next day on which the clocks of Paris are put forward or back, after tomorrow."""
    day = datetime.now(PARIS).date() + timedelta(days=2)
    while True:
        wall = datetime(day.year, day.month, day.day, 2, 30)  # noqa: DTZ001
        count = len(wallclock.instants_of(wall, PARIS))
        if count == (0 if forward else 2):
            return day
        day += timedelta(days=1)


def choose(dialog: Locator, day: date, clock: str) -> None:
    type_into(dialog, "Date", day.strftime("%Y%m%d"))
    type_into(dialog, "Time", clock)


def test_a_local_time_that_does_not_exist_is_refused_with_the_next_one_that_does(
    visit: Visitor, database_url: str
) -> None:
    dialog = opened(visit())
    choose(dialog, next_change(forward=True), "023000")
    expect(dialog.get_by_role("alert")).to_contain_text("never show 02:30")
    expect(dialog.get_by_role("alert")).to_contain_text("The next time that exists is 03:00.")
    expect(dialog.get_by_role("button", name="Schedule", exact=True)).to_be_disabled()
    dialog.get_by_role("button", name="Take 03:00").click()
    expect(dialog.locator(".st-key-verdict")).to_contain_text("01:00 UTC")
    expect(dialog.get_by_role("button", name="Schedule", exact=True)).to_be_enabled()


def test_a_day_that_is_typed_outside_its_limits_is_told_and_plans_nothing(
    visit: Visitor, database_url: str
) -> None:
    dialog = opened(visit())
    confirm = dialog.get_by_role("button", name="Schedule", exact=True)
    for day, told in (("20200102", "This time has passed"), ("20900102", "more than ten years ahead")):
        type_into(dialog, "Date", day)
        type_into(dialog, "Time", "090000")
        expect(dialog.get_by_role("alert")).to_contain_text(told)
        expect(confirm).to_be_disabled()
    type_into(dialog, "Date", f"{datetime.now(PARIS).date() + timedelta(days=1):%Y%m%d}")
    type_into(dialog, "Time", "090000")
    expect(confirm).to_be_enabled()


def test_a_local_time_that_exists_twice_asks_which(visit: Visitor, database_url: str) -> None:
    page = visit()
    dialog = opened(page)
    day = next_change(forward=False)
    choose(dialog, day, "023000")
    expect(dialog.get_by_text("show 02:30 twice")).to_be_visible()
    expect(dialog.get_by_role("button", name="Schedule", exact=True)).to_be_disabled()
    dialog.get_by_text("the second").click()
    expect(dialog.locator(".st-key-verdict")).to_contain_text("01:30 UTC")
    dialog.get_by_role("button", name="Schedule", exact=True).click()
    expect(page.locator(".st-key-undo")).to_contain_text("Planned: Greet")
    made = schedules.find(schedules.Filter(status="pending")).rows[0]
    assert made.scheduled_at == datetime(day.year, day.month, day.day, 1, 30, tzinfo=UTC)


def test_less_than_a_minute_ahead_is_refused_with_the_earliest_time(
    visit: Visitor, database_url: str
) -> None:
    dialog = opened(visit(zone="UTC"))
    soon = datetime.now(UTC) + timedelta(seconds=20)
    choose(dialog, soon.date(), soon.strftime("%H%M%S"))
    expect(dialog.get_by_role("alert")).to_contain_text("Plan at least one minute ahead")
    past = datetime.now(UTC) - timedelta(seconds=5)
    choose(dialog, past.date(), past.strftime("%H%M%S"))
    expect(dialog.get_by_role("alert")).to_contain_text("This time has passed")
    expect(dialog.get_by_role("button", name="Schedule", exact=True)).to_be_disabled()


def test_the_keyboard_stays_where_it_is_when_a_time_is_refused(visit: Visitor, database_url: str) -> None:
    dialog = opened(visit(zone="UTC"))
    name = dialog.get_by_label("name")
    now = datetime.now(UTC)
    for day, refused in ((now, True), (now + timedelta(days=1), False)):
        choose(dialog, day.date(), "000000")
        # On to a field below it, before the answer is there.
        name.focus()
        expect(dialog.get_by_role("alert")).to_have_count(int(refused))
        dialog.page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
        dialog.page.wait_for_timeout(300)
        expect(name).to_be_focused()


def test_a_run_can_be_planned_to_the_second(visit: Visitor, database_url: str) -> None:
    page = visit(zone="Asia/Kathmandu")
    dialog = opened(page)
    day = datetime.now(ZoneInfo("Asia/Kathmandu")).date() + timedelta(days=1)
    choose(dialog, day, "101112")
    expect(dialog.locator(".st-key-verdict")).to_contain_text("04:26:12 UTC")
    dialog.get_by_role("button", name="Schedule", exact=True).click()
    expect(page.locator(".st-key-undo")).to_contain_text("10:11:12")
    made = schedules.find(schedules.Filter(status="pending")).rows[0]
    assert made.scheduled_at == datetime(day.year, day.month, day.day, 4, 26, 12, tzinfo=UTC)
    assert (made.created_by, made.parameters) == ("dashboard", {"name": "world", "times": 1})


def test_a_number_outside_its_limits_plans_nothing(visit: Visitor, database_url: str) -> None:
    dialog = opened(visit())
    plans = dialog.get_by_role("button", name="Schedule", exact=True)
    for written, told in (("0", "times: must be at least 1"), ("99", "times: must be at most 10")):
        dialog.get_by_label("times").fill(written)
        dialog.get_by_label("times").press("Tab")
        expect(dialog.get_by_role("alert")).to_contain_text(told)
        expect(plans).to_be_disabled()
        expect(dialog.locator(".st-key-verdict")).to_have_count(0)
    dialog.get_by_label("times").fill("5")
    dialog.get_by_label("times").press("Tab")
    expect(dialog.get_by_role("alert")).to_have_count(0)
    expect(dialog.locator(".st-key-verdict")).to_be_visible()
    dialog.get_by_text("If it is late").click()
    deadline = dialog.get_by_label("Deadline: at most")
    deadline.fill("0")
    deadline.press("Tab")
    expect(dialog.get_by_text("Must be at least 1.")).to_be_visible()
    expect(plans).to_be_disabled()
    deadline.fill("7")
    deadline.press("Tab")
    expect(plans).to_be_enabled()
    plans.click()
    expect(dialog).to_have_count(0)
    [made] = schedules.find(schedules.Filter(status="pending")).rows
    assert made.parameters["times"] == 5
    assert made.not_after == made.scheduled_at + timedelta(minutes=7)


def test_what_plans_it_is_in_sight_however_long_the_form_is(visit: Visitor, database_url: str) -> None:
    page = visit(width=390)
    dialog = opened(page)
    plans = dialog.get_by_role("button", name="Schedule", exact=True)
    overlay = page.locator(".stDialog")
    assert overlay.evaluate("it => it.scrollHeight > it.clientHeight"), "the form is too short to tell"
    for place in ("it.scrollHeight", "0"):
        overlay.evaluate(f"it => it.scrollTo(0, {place})")
        expect(plans).to_be_in_viewport(ratio=1)
    last = dialog.locator("summary").last
    last.evaluate("it => it.scrollIntoView({block: 'end'})")
    shown, foot = last.bounding_box(), plans.bounding_box()
    assert shown
    assert foot
    assert shown["y"] + shown["height"] <= foot["y"], "what is scrolled to is covered"


def test_the_form_and_the_json_stay_in_step(visit: Visitor, database_url: str) -> None:
    dialog = opened(visit())
    dialog.get_by_label("name").fill("Ada")
    dialog.get_by_label("name").press("Tab")
    dialog.get_by_text("JSON", exact=True).click()
    area = dialog.get_by_label("Parameters as JSON")
    expect(area).to_have_value(json.dumps({"name": "Ada", "times": 1}, indent=2))
    area.fill('{"name": "Grace", "times": 3}')
    area.press("Control+Enter")
    dialog.get_by_text("Form", exact=True).click()
    expect(dialog.get_by_label("name")).to_have_value("Grace")
    expect(dialog.get_by_label("times")).to_have_value("3")


def test_a_broken_rule_is_told_in_a_sentence_and_nothing_is_planned(
    visit: Visitor, database_url: str
) -> None:
    dialog = opened(visit())
    dialog.get_by_text("JSON", exact=True).click()
    area = dialog.get_by_label("Parameters as JSON")
    confirm = dialog.get_by_role("button", name="Schedule", exact=True)
    for written, sentence in {
        '{"times": 99}': "times: must be at most 10",
        '{"colour": "red"}': "colour: is not a parameter of this cron",
        '{"name": ""}': "name: must not be empty",
        '{"name": ': "This is not JSON.",
        "[1]": "The parameters must be one JSON object",
    }.items():
        area.fill(written)
        area.press("Control+Enter")
        expect(dialog.get_by_role("alert")).to_contain_text(sentence)
        expect(confirm).to_be_disabled()
    area.fill("{}")
    area.press("Control+Enter")
    expect(confirm).to_be_enabled()


def test_the_verdict_tells_what_else_is_planned_around_it(visit: Visitor, database_url: str) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=10, second=0, microsecond=0)
    schedules.plan(Actor("alice", "operator", "api"), "greet", tomorrow)
    dialog = opened(visit(zone="UTC"))
    dialog.get_by_role("button", name="tomorrow 09:00").click()
    expect(dialog.locator(".st-key-verdict")).to_contain_text("Just after: Greet 09:10 (10 min later)")


def test_the_curl_call_plans_the_same_and_holds_no_secret(visit: Visitor, database_url: str) -> None:
    dialog = opened(visit())
    dialog.get_by_text("The same with curl").click()
    call = dialog.get_by_test_id("stCode").last
    expect(call).to_contain_text("/api/admin/cron-executions/schedule")
    expect(call).to_contain_text("Bearer $CRON_SECRET")
    expect(call).to_contain_text('"cronName": "greet"')


WATCH = """() => {
  const seen = window.tops = new Set();
  const look = () => {
    const label = [...document.querySelectorAll("p")].find(p => p.textContent.startsWith("Hold it"));
    if (label) seen.add(label.getBoundingClientRect().top);
    requestAnimationFrame(look);
  };
  look();
}"""


def test_what_comes_when_a_deadline_is_given_stands_still(visit: Visitor, database_url: str) -> None:
    dialog = opened(visit())
    dialog.page.evaluate(WATCH)
    dialog.get_by_text("If it is late").click()
    minutes = dialog.get_by_label("Deadline: at most so many minutes late")
    minutes.fill("15")
    minutes.press("Enter")
    dialog.get_by_text("Hold it until somebody decides").wait_for()
    dialog.page.wait_for_timeout(700)  # as long as something that opens was seen to move
    assert len(dialog.page.evaluate("[...window.tops]")) == 1


def test_a_deadline_is_given_to_a_single_run(visit: Visitor, database_url: str) -> None:
    dialog = opened(visit())
    dialog.get_by_text("If it is late").click()
    minutes = dialog.get_by_label("Deadline: at most so many minutes late")
    minutes.fill("15")
    minutes.press("Enter")
    dialog.get_by_text("Hold it until somebody decides").click()
    dialog.get_by_role("button", name="Schedule", exact=True).click()
    expect(dialog).to_have_count(0)
    [planned] = schedules.find(schedules.Filter(status="pending")).rows
    assert planned.not_after == planned.scheduled_at + timedelta(minutes=15)
    assert planned.late_policy == "ask"

"""Weekly hours, time zones and changes of clocks, by table."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delegate_cli.hours import WEEK, HoursError, clock, minute_of_week, moment, near_zones, parse_hours, zone


def open_at(hours: str, timezone: str, utc: str) -> bool:
    return parse_hours(hours).open_at(minute_of_week(datetime.fromisoformat(utc).replace(tzinfo=UTC), zone(timezone)))


@pytest.mark.parametrize(
    ("hours", "timezone", "utc", "is_open"),
    [
        # 2 March 2026 is a Monday; Berlin is at UTC+1 in winter and UTC+2 in summer
        ("Mon-Fri 09:00-17:00", "Europe/Berlin", "2026-03-02T08:00", True),
        ("Mon-Fri 09:00-17:00", "Europe/Berlin", "2026-03-02T07:59", False),
        ("Mon-Fri 09:00-17:00", "Europe/Berlin", "2026-03-02T15:59", True),
        ("Mon-Fri 09:00-17:00", "Europe/Berlin", "2026-03-02T16:00", False),
        ("Mon-Fri 09:00-17:00", "Europe/Berlin", "2026-03-07T10:00", False),
        ("Mon-Fri 09:00-17:00", "America/New_York", "2026-03-02T14:00", True),
        ("Mon-Fri 09:00-17:00", "America/New_York", "2026-03-02T10:00", False),
        ("Mon-Fri 09:00-17:00", "Asia/Kolkata", "2026-03-02T03:30", True),
        ("Mon-Fri 09:00-17:00", "Asia/Kolkata", "2026-03-02T03:29", False),
        ("Mon-Fri 09:00-17:00", "Asia/Kathmandu", "2026-03-02T03:15", True),
        # another day of the week over there
        ("Mon 00:00-12:00", "Pacific/Auckland", "2026-03-01T12:00", True),
        ("Sun 00:00-24:00", "Pacific/Honolulu", "2026-03-02T09:00", True),
        # a pause at noon, and another entry
        ("Mon-Thu 08:00-12:00, 13:00-17:00; Sat 10:00-14:00", "UTC", "2026-03-02T11:59", True),
        ("Mon-Thu 08:00-12:00, 13:00-17:00; Sat 10:00-14:00", "UTC", "2026-03-02T12:30", False),
        ("Mon-Thu 08:00-12:00, 13:00-17:00; Sat 10:00-14:00", "UTC", "2026-03-05T13:00", True),
        ("Mon-Thu 08:00-12:00, 13:00-17:00; Sat 10:00-14:00", "UTC", "2026-03-06T13:00", False),
        ("Mon-Thu 08:00-12:00, 13:00-17:00; Sat 10:00-14:00", "UTC", "2026-03-07T13:59", True),
        # over midnight: the night of Sunday ends on Monday, the night of Friday on Saturday
        ("22:00-06:00", "UTC", "2026-03-02T05:59", True),
        ("22:00-06:00", "UTC", "2026-03-02T06:00", False),
        ("22:00-06:00", "UTC", "2026-03-08T23:00", True),
        ("Fri 22:00-06:00", "UTC", "2026-03-07T05:00", True),
        ("Fri 22:00-06:00", "UTC", "2026-03-06T05:00", False),
        ("Sun 22:00-06:00", "UTC", "2026-03-02T03:00", True),
        ("Sun 22:00-06:00", "UTC", "2026-03-03T03:00", False),
        ("Fri-Mon 09:00-17:00", "UTC", "2026-03-02T09:00", True),
        ("Fri-Mon 09:00-17:00", "UTC", "2026-03-03T09:00", False),
        ("24/7", "UTC", "2026-03-08T23:59", True),
        ("Mon-Sun 00:00-23:59", "UTC", "2026-03-08T23:59:30", True),
        ("Sat, Sun", "UTC", "2026-03-07T00:00", True),
        ("Sat, Sun", "UTC", "2026-03-09T00:00", False),
        # clocks go forward in Berlin on 29 March 2026: 02:00 becomes 03:00, at 01:00 UTC
        ("Sun 02:00-03:00", "Europe/Berlin", "2026-03-29T00:59", False),
        ("Sun 02:00-03:00", "Europe/Berlin", "2026-03-29T01:00", False),
        ("Sun 01:00-02:00", "Europe/Berlin", "2026-03-29T00:59", True),
        ("Sun 03:00-04:00", "Europe/Berlin", "2026-03-29T01:00", True),
        ("Sat 22:00-06:00", "Europe/Berlin", "2026-03-29T03:59", True),
        ("Sat 22:00-06:00", "Europe/Berlin", "2026-03-29T04:00", False),
        ("Mon-Fri 09:00-17:00", "Europe/Berlin", "2026-03-30T07:00", True),
        ("Mon-Fri 09:00-17:00", "Europe/Berlin", "2026-03-30T06:59", False),
        # and back on 25 October 2026: 02:30 comes twice, and both count
        ("Sun 02:00-03:00", "Europe/Berlin", "2026-10-25T00:30", True),
        ("Sun 02:00-03:00", "Europe/Berlin", "2026-10-25T01:30", True),
        ("Sun 02:00-03:00", "Europe/Berlin", "2026-10-25T02:00", False),
        ("Sat 22:00-06:00", "Europe/Berlin", "2026-10-25T04:59", True),
        ("Sat 22:00-06:00", "Europe/Berlin", "2026-10-25T05:00", False),
        ("Mon-Fri 09:00-17:00", "Europe/Berlin", "2026-10-26T07:59", False),
        # New York changes on 8 March 2026, three weeks before Berlin
        ("Mon-Fri 09:00-17:00", "America/New_York", "2026-03-09T13:00", True),
        ("Mon-Fri 09:00-17:00", "America/New_York", "2026-03-09T12:59", False),
        # half an hour only, on Lord Howe Island: 5 April 2026, 02:00 becomes 01:30
        ("Sun 01:30-02:00", "Australia/Lord_Howe", "2026-04-04T14:45", True),
        ("Sun 01:30-02:00", "Australia/Lord_Howe", "2026-04-04T15:15", True),
    ],
)
def test_open(hours: str, timezone: str, utc: str, is_open: bool) -> None:
    assert open_at(hours, timezone, utc) is is_open


@pytest.mark.parametrize(
    ("hours", "same"),
    [
        ("mon-fri 9:00-17:00", "Mon-Fri 09:00-17:00"),
        ("Monday – Friday: 09:00–17:00", "Mon-Fri 09:00-17:00"),
        ("Mo, Tu, We, Th, Fr 09:00-17:00;", "Mon-Fri 09:00-17:00"),
        ("Mon 09:00-12:00; Mon 11:00-17:00", "Mon 09:00-17:00"),
        ("00:00-24:00", "24/7"),
        ("Mon-Sun", "always"),
        ("22:00-00:00", "22:00-24:00"),
    ],
)
def test_other_ways_to_write_them(hours: str, same: str) -> None:
    assert parse_hours(hours) == parse_hours(same)


@pytest.mark.parametrize(
    ("hours", "part"),
    [
        ("", "no hours"),
        (";", "no hours"),
        ("Mon-Fri 9-17", "'9' is no time of day"),
        ("Mon-Fry 09:00-17:00", "'Fry' is no day"),
        ("Mon-Fri 09:00-25:00", "'25:00' is no time of day"),
        ("Mon-Fri 09:60-17:00", "'09:60' is no time of day"),
        ("Mon-Fri 24:30-17:00", "'24:30' is no time of day"),
        ("Mon-Fri 09:00", "'09:00' is no range"),
        ("Mon-Fri 09:00-09:00", "starts where it ends"),
        ("Mon-Fri 24:00-09:00", "starts where it ends"),
        ("Mon- 09:00-17:00", "a day is missing"),
        ("Mon 09:00-12:00,", "a range of times is missing"),
        ("by arrangement", "'by arrangement' is no day"),
    ],
)
def test_what_cannot_be_read_is_named(hours: str, part: str) -> None:
    with pytest.raises(HoursError, match=part):
        parse_hours(hours)


@given(st.text(alphabet="MonTueSatSun 0123456789:-,;/", max_size=30))
def test_any_text_is_hours_or_an_error(text: str) -> None:
    try:
        hours = parse_hours(text)
    except HoursError:
        return
    assert all(0 <= start < end <= WEEK for start, end in hours.spans)
    assert all(one[1] < other[0] for one, other in zip(hours.spans, hours.spans[1:], strict=False))


@given(st.integers(0, 6), st.integers(0, 1438), st.integers(1, 1439), st.integers(0, WEEK - 1))
def test_hours_agree_with_counting_minutes(day: int, start: int, length: int, minute: int) -> None:
    end = (start + length) % 1440
    if end in (1439, start):
        return
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    hours = parse_hours(f"{days[day]} {start // 60:02d}:{start % 60:02d}-{end // 60:02d}:{end % 60:02d}")
    assert hours.open_at(minute) is ((minute - day * 1440 - start) % WEEK < length)


def test_when_somebody_is_back() -> None:
    hours = parse_hours("Mon-Thu 08:00-12:00, 13:00-17:00")
    assert hours.opens(12 * 60) == "Mon 13:00"
    assert hours.opens(3 * 1440 + 17 * 60) == "Mon 08:00"


def test_zones_that_do_not_exist() -> None:
    for name in ("Europe/Berln", "../etc/passwd", "/etc/localtime", "", "Europe", "\u00e4"):
        with pytest.raises(HoursError, match="no time zone"):
            zone(name)
    assert near_zones("Europe/Berln")[0] == "Europe/Berlin"
    assert near_zones("berlin") == ["Europe/Berlin"]
    assert near_zones("New York") == ["America/New_York"]


def test_zones_come_from_the_package_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    import zoneinfo

    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[])
    try:
        zone.cache_clear()
        zoneinfo.ZoneInfo.clear_cache()
        assert open_at("Mon 09:00-10:00", "Europe/Berlin", "2026-03-02T08:30")
    finally:
        zoneinfo.reset_tzpath(to=before)


NOW = datetime(2026, 3, 4, 10, 0).astimezone()  # a Wednesday


@pytest.mark.parametrize(
    ("text", "ahead"),
    [
        ("now", timedelta()),
        ("10:00", timedelta()),
        ("10:30", timedelta(minutes=30)),
        ("09:00", timedelta(hours=23)),
        ("Wed 10:30", timedelta(minutes=30)),
        ("Wed 09:30", timedelta(days=6, hours=23, minutes=30)),
        ("Thursday 10:00", timedelta(days=1)),
        ("mon 10:00", timedelta(days=5)),
        ("2026-03-04 11:00", timedelta(hours=1)),
        ("2026-03-05T10:00", timedelta(days=1)),
    ],
)
def test_times_ahead(text: str, ahead: timedelta) -> None:
    assert moment(text, NOW) - NOW == ahead


def test_a_time_with_its_own_zone() -> None:
    assert moment("2026-03-04T10:00+05:30") == datetime(2026, 3, 4, 4, 30, tzinfo=UTC)
    assert moment("2026-03-04T10:00Z") == datetime(2026, 3, 4, 10, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "tomorrow", "Mon", "Mon 25:00", "Mon10:30", "2026-13-01", "10", "next Mon 10:30"])
def test_times_that_cannot_be_read(text: str) -> None:
    with pytest.raises(HoursError):
        moment(text, NOW)


def test_midnight_by_two_names() -> None:
    assert (clock("0:00"), clock("24:00")) == (0, 1440)

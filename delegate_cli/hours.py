"""Weekly hours as people write them, time zones, and the times that `--at` may name.

Hours are what clocks show where the agent is: "Mon-Fri 09:00-17:00" stays nine to five when clocks change. Knows nothing of
agents.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY = 24 * 60  # minutes
WEEK = 7 * DAY
ALWAYS = ("24/7", "always")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
_DAYS_THEN_TIMES = re.compile(r"([^\d]*)(.*)", re.DOTALL)


class HoursError(ValueError):
    """Hours, a zone or a time that cannot be read; the message says which part, without saying where it stands."""


@dataclass(frozen=True, slots=True)
class Hours:
    """When somebody works: minutes of the week from Monday 00:00, each pair [start, end), sorted, apart from each other."""

    spans: tuple[tuple[int, int], ...]

    def open_at(self, minute: int) -> bool:
        """Whether a minute of the week, in [0, 10080), is within the hours."""
        place = bisect_right(self.spans, (minute, WEEK)) - 1
        return place >= 0 and minute < self.spans[place][1]

    def opens(self, minute: int) -> str:
        """The next start after a minute outside the hours, such as `Mon 09:00`."""
        start = next((start for start, _ in self.spans if start > minute), self.spans[0][0])
        return f"{DAYS[start // DAY]} {start % DAY // 60:02d}:{start % 60:02d}"


@lru_cache(maxsize=4096)
def parse_hours(text: str) -> Hours:
    """`Mon-Fri 09:00-17:00`, `Mon-Thu 08:00-12:00, 13:00-17:00; Sat 10:00-14:00`, `22:00-06:00` (over midnight), `24/7`.

    Without days every day is meant, without times the whole day. The end is outside; 24:00 and 23:59 both mean midnight.

    Raises:
        HoursError: naming the part that cannot be read.
    """
    if text.strip().lower() in ALWAYS:
        return Hours(((0, WEEK),))
    spans: list[tuple[int, int]] = []
    for entry in text.replace("–", "-").split(";"):
        if entry.strip():
            spans += _entry(entry.strip())
    if not spans:
        raise HoursError("there are no hours in it")
    return Hours(_merged(spans))


def _entry(entry: str) -> list[tuple[int, int]]:
    found = _DAYS_THEN_TIMES.match(entry)
    assert found is not None
    days = _days(found[1].strip().strip(",:").strip()) if found[1].strip() else range(7)
    times = [_times(piece.strip()) for piece in found[2].split(",")] if found[2].strip() else [(0, DAY)]
    # over midnight: the end lies on the day after, for Sunday on Monday
    return [(day * DAY + start, day * DAY + end) for day in days for start, end in times]


def _days(text: str) -> list[int]:
    days: list[int] = []
    for piece in text.split(","):
        first, dash, last = (part.strip() for part in piece.partition("-"))
        start = _day(first)
        end = _day(last) if dash else start
        days += [(start + step) % 7 for step in range((end - start) % 7 + 1)]
    return days


def _day(word: str) -> int:
    low = word.lower().rstrip(".")
    for place, name in enumerate(_LONG):
        if (len(low) >= 3 and name.startswith(low)) or low == name[:2]:
            return place
    raise HoursError(f"{word!r} is no day of the week" if word else "a day is missing")


def _times(text: str) -> tuple[int, int]:
    first, dash, last = (part.strip() for part in text.partition("-"))
    if not dash:
        raise HoursError(f"{text!r} is no range of times" if text else "a range of times is missing")
    start, end = clock(first), clock(last)
    if end == DAY - 1:
        end = DAY
    if start in (end, DAY):
        raise HoursError(f"{text!r} starts where it ends")
    return start, end if end > start else end + DAY


def clock(text: str) -> int:
    """Minutes since midnight of `9:00` or `24:00`.

    Raises:
        HoursError: it is no time of day.
    """
    found = _CLOCK.fullmatch(text)
    if found is not None:
        minutes = int(found[1]) * 60 + int(found[2])
        if int(found[2]) < 60 and minutes <= DAY:
            return minutes
    raise HoursError(f"{text!r} is no time of day")


def _merged(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    pieces = [piece for start, end in spans for piece in ((start, min(end, WEEK)), (0, end - WEEK)) if piece[1] > piece[0]]
    merged: list[tuple[int, int]] = []
    for start, end in sorted(pieces):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return tuple(merged)


@lru_cache(maxsize=1024)
def zone(name: str) -> tzinfo:
    """A time zone by its IANA name, from the system or the package tzdata.

    Raises:
        HoursError: there is none of this name.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # only where a card names a zone

    try:
        if not name.isascii() or not name.isprintable():
            raise ValueError
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise HoursError(f"there is no time zone {name[:40]!r}") from None


def near_zones(name: str) -> list[str]:
    """Zones with a name like this one, the nearest first."""
    from difflib import get_close_matches
    from zoneinfo import available_timezones

    known = sorted(available_timezones())
    last = {each.rpartition("/")[2].lower(): each for each in known}
    if name.lower().replace(" ", "_") in last:
        return [last[name.lower().replace(" ", "_")]]
    return get_close_matches(name, known, n=2, cutoff=0.6)


def minute_of_week(moment: datetime, where: tzinfo | None) -> int:
    """The minute of the week that clocks show there at a moment; where None is, this machine's time."""
    there = moment.astimezone(where)
    return there.weekday() * DAY + there.hour * 60 + there.minute


def moment(text: str, now: datetime | None = None) -> datetime:
    """An aware moment from `2026-03-02T10:30+01:00`, `2026-03-02 10:30`, `Mon 10:30`, `10:30` or `now`.

    What names no zone is this machine's time; a day or a time alone is the next such moment.

    Raises:
        HoursError: it is none of these.
    """
    now = (now or datetime.now(UTC)).astimezone()
    text = text.strip()
    if text.lower() == "now":
        return now
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError):
        pass
    first, _, rest = text.rpartition(" ")
    minutes = clock(rest)
    if not first:
        ahead = 0 if minutes >= now.hour * 60 + now.minute else 1
    else:
        ahead = (_day(first.strip().strip(",")) - now.weekday()) % 7
        if ahead == 0 and minutes < now.hour * 60 + now.minute:
            ahead = 7
    there = datetime(now.year, now.month, now.day) + timedelta(days=ahead, minutes=minutes)
    return there.astimezone()

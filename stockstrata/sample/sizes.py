"""How big a sample company is and which days it covers; the calendar is fixed and never depends on today."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

Size = Literal["tiny", "demo", "large"]


def _day(text: str) -> np.datetime64:
    return np.datetime64(text, "D")


@dataclass(frozen=True)
class Scale:
    """Extent of one sample company.

    Attributes:
        size: `tiny`, `demo` or `large`.
        item_count: items.
        location_count: locations; every item is kept at every one, the first replenishes the others in need.
        supplier_count: suppliers, at least 3; the second is the one whose lead time jumps.
        customer_count: customers.
        campaign_count: promotions inside the history.
        campaign_item_count: items a promotion.
        first_date: first day of the history.
        last_date: last day of the history.
        step_days: 1 for order lines a day, 7 for sums a week (weeks start on Monday).
        jump_date: first order day on which the second supplier is slower.
        error_copies: planted data errors of each kind; 0 for a clean extract.
        division_item_count: most items that are drawn together; a company of more is made division by division.
        division: position of this division, from 0.
        first_item_number: number of its first item.
    """

    size: Size
    item_count: int
    location_count: int
    supplier_count: int
    customer_count: int
    campaign_count: int
    campaign_item_count: int
    first_date: np.datetime64
    last_date: np.datetime64
    step_days: int
    jump_date: np.datetime64
    error_copies: int
    division_item_count: int = 1_000
    division: int = 0
    first_item_number: int = 1

    @property
    def grain(self) -> Literal["day", "week"]:
        """Grain of the demand file."""
        return "day" if self.step_days == 1 else "week"

    @property
    def series_count(self) -> int:
        """Item-locations."""
        return self.item_count * self.location_count

    @property
    def day_count(self) -> int:
        """Days of the history."""
        return int((self.last_date - self.first_date).astype(int)) + 1

    @property
    def step_count(self) -> int:
        """Steps of the simulation."""
        return self.day_count // self.step_days

    @property
    def first_monday(self) -> np.datetime64:
        """Monday of the week that holds the first day."""
        weekday = (self.first_date.astype(int) + 3) % 7  # 1970-01-01 was a Thursday
        return self.first_date - np.timedelta64(int(weekday), "D")

    @property
    def week_count(self) -> int:
        """Monday weeks that the history touches; the first and the last may be cut."""
        return int((self.last_date - self.first_monday).astype(int)) // 7 + 1

    @property
    def days(self) -> np.ndarray:
        """Every day of the history, `datetime64[D]`."""
        return self.first_date + np.arange(self.day_count)

    @property
    def week_starts(self) -> np.ndarray:
        """Monday of every week, `datetime64[D]`."""
        return self.first_monday + 7 * np.arange(self.week_count)

    @property
    def week_of_step(self) -> np.ndarray:
        """Position of the week that each step lies in."""
        first_days = self.days[:: self.step_days]
        return (first_days - self.first_monday).astype(int) // 7

    def with_items(self, item_count: int) -> "Scale":
        """The same company with another number of items, promoted as often."""
        campaigns = max(1, round(self.campaign_count * item_count / self.item_count))
        return replace(self, item_count=item_count, campaign_count=campaigns)

    def divisions(self) -> list["Scale"]:
        """The company in parts of equal size that share locations, suppliers and customers but no item."""
        count = -(-self.item_count // self.division_item_count)
        ends = [self.item_count * place // count for place in range(count + 1)]
        return [
            replace(self.with_items(end - start), division=place, first_item_number=start + 1)
            for place, (start, end) in enumerate(pairwise(ends))
        ]


SCALES: dict[Size, Scale] = {
    "tiny": Scale("tiny", 24, 2, 4, 8, 4, 1, _day("2023-10-01"), _day("2025-12-31"), 1, _day("2025-02-03"), 1),
    "demo": Scale("demo", 300, 3, 12, 60, 30, 3, _day("2023-01-01"), _day("2025-12-31"), 1, _day("2025-03-03"), 1),
    "large": Scale(
        "large", 10_000, 3, 60, 200, 60, 100, _day("2023-07-03"), _day("2025-12-28"), 7, _day("2025-03-03"), 0
    ),
}


def codes(prefix: str, numbers: np.ndarray, width: int) -> np.ndarray:
    """Codes such as SO-0000012, as an object array."""
    return np.char.mod(f"{prefix}%0{width}d", numbers).astype(object)

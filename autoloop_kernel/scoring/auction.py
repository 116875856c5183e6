"""Days of a repeated second-price auction for advertisements: what is sold, what rivals bid, what comes of a bidder.

The highest bid wins and pays the second highest, as is usual (Vickrey 1961). Rivals bid log-normally, dearer at some
hours, weekdays and channels and for better visitors, and every day has a mood of its own. What a visitor is worth is
the chance of a sale, a logistic function of channel, hour and eight numbers that are known of the visitor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoloop_kernel.scoring.answers import AnswerRefused
from autoloop_kernel.scoring.rows import ask_rows
from autoloop_kernel.scoring.worlds import Floats, Ints, generator, packed, sigmoid

CHANNELS, HOURS, WEEKDAYS, FEATURES = 4, 24, 7, 8
VALUE = 40.0  # euros that one sale earns
HISTORY_DAYS = 56
CAP = 0.2  # of what all auctions together would cost, a bidder may spend
FILE = "data/history.npz"


@dataclass(frozen=True)
class World:
    """What does not change from day to day: volume, prices (logs of euros) and the logits of a sale."""

    volume: Floats  # (channels, hours) auctions expected
    weekdays: Floats  # (weekdays,) factor of the volume
    price: Floats  # (channels, hours)
    price_of_day: Floats  # (weekdays,)
    price_of_visitor: Floats  # (features,)
    worth: Floats  # (channels,)
    worth_of_hour: Floats  # (hours,)
    worth_of_visitor: Floats  # (channels, features)


@dataclass(frozen=True)
class Auctions:
    """Auctions in the order of days and hours, as arrays of one length; `chance` of a sale, `rival` in euros."""

    day: Ints
    weekday: Ints
    hour: Ints
    channel: Ints
    visitor: Floats  # (auctions, features)
    chance: Floats
    rival: Floats


@dataclass(frozen=True)
class Result:
    """What a bidder made of its days, in euros but for `won`, the auctions; `cut`: auctions lost as the cap was met."""

    earned: float
    spent: float
    cap: float
    won: int
    cut: int

    @property
    def score(self) -> float:
        """Profit for each euro that might have been spent: what is not spent earns nothing, and divides nothing."""
        return (self.earned - self.spent) / self.cap

    @property
    def extra(self) -> dict[str, float]:
        """What else to record. `return_on_spend` is not what is scored: whoever buys one bargain has a great one."""
        back = (self.earned - self.spent) / self.spent if self.spent else 0.0
        return {"spent_share": self.spent / self.cap, "return_on_spend": back, "won": self.won, "cut": self.cut}


def world(secret: str) -> World:
    """The world of this secret: channels, hours and visitors weigh differently in every one."""
    rng = generator(secret, "auction world")
    hours = np.arange(HOURS)
    peak = rng.uniform(9, 21, CHANNELS)[:, None]
    rhythm = np.cos((hours - peak) / HOURS * 2 * np.pi)
    shared = rng.normal(0, 0.35, FEATURES)
    return World(
        volume=rng.uniform(4, 10, CHANNELS)[:, None] * np.exp(0.8 * rhythm),
        weekdays=np.exp(rng.normal(0, 0.15, WEEKDAYS)),
        price=rng.normal(-0.9, 0.3, CHANNELS)[:, None]
        + 0.35 * np.cos((hours - rng.uniform(9, 21)) / HOURS * 2 * np.pi),
        price_of_day=rng.normal(0, 0.15, WEEKDAYS),
        price_of_visitor=0.3 * shared + rng.normal(0, 0.1, FEATURES),
        worth=rng.normal(-4.3, 0.35, CHANNELS),
        worth_of_hour=0.4 * np.cos((hours - rng.uniform(0, HOURS)) / HOURS * 2 * np.pi),
        worth_of_visitor=shared + rng.normal(0, 0.2, (CHANNELS, FEATURES)),
    )


def auctions(world: World, days: int, rng: np.random.Generator) -> Auctions:
    """Draw the auctions of `days` days that follow each other, the first on a random weekday."""
    weekdays = (np.arange(days) + rng.integers(WEEKDAYS)) % WEEKDAYS
    expected = world.volume.T[None] * world.weekdays[weekdays][:, None, None]  # (days, hours, channels)
    counts = rng.poisson(expected)
    places = np.repeat(np.arange(counts.size), counts.ravel())
    order = np.lexsort((rng.random(len(places)), places // CHANNELS))  # channels come mixed within an hour
    day, hour, channel = (part[order].astype(np.int64) for part in np.unravel_index(places, counts.shape))
    weekday = weekdays[day].astype(np.int64)
    visitor = np.round(rng.normal(size=(len(day), FEATURES)), 2)
    mood = rng.normal(0, 0.2, days)[day]
    log_price = world.price[channel, hour] + world.price_of_day[weekday] + mood + visitor @ world.price_of_visitor
    rival = np.maximum(0.01, np.exp(log_price + rng.normal(0, 0.5, len(day))))
    logits = world.worth[channel] + world.worth_of_hour[hour] + (world.worth_of_visitor[channel] * visitor).sum(axis=1)
    return Auctions(day, weekday, hour, channel, visitor, sigmoid(logits), rival)


def cap(seen: Auctions) -> float:
    """What may be spent a day, in whole euros, given the days that everybody has seen."""
    return float(np.round(CAP * seen.rival.sum() / (seen.day.max() + 1)))


def past(secret: str) -> Auctions:
    """The days before those that are played."""
    return auctions(world(secret), HISTORY_DAYS, generator(secret, "auction history"))


def data(secret: str) -> dict[str, bytes]:
    """What a candidate may see: the log of a bidder that bid at random, the cap of a day and the value of a sale.

    `price` is what was paid, NaN where the auction was lost; `sold` whether a sale came of it, False where it was lost.
    """
    seen = past(secret)
    rng = generator(secret, "auction bids")
    bid = np.round(np.exp(rng.normal(-0.5, 0.8, len(seen.day))), 4)
    won = bid > seen.rival
    sold = won & (rng.random(len(won)) < seen.chance)
    known: dict[str, NDArray[Any]] = {}
    for name in ("day", "weekday", "hour", "channel"):
        known[name] = getattr(seen, name).astype(np.int8)
    log: dict[str, NDArray[Any]]
    log = {"visitor": seen.visitor.astype(np.float32), "bid": bid, "won": won, "sold": sold}
    price = np.where(won, seen.rival, np.nan).astype(np.float32)
    given = {"price": price, "cap": np.array(cap(seen)), "value": np.array(VALUE)}
    return {FILE: packed({**known, **log, **given})}


def play(ask: Callable[..., Any], played: Auctions, cap: float) -> Result:
    """Have the candidate bid in these days, hour by hour, each day on a cap of its own.

    `ask` gets, of every auction of an hour, `channel`, `weekday`, `hour` (int64), `visitor` (auctions, features) and
    `left`, the share of the day's cap that is left; it answers with bids in euros. Days are played side by side. An
    auction that the day's cap cannot pay is lost, and so is every later one of that hour. A won auction earns the
    chance of a sale times its value, which is what sales come to in the long run, with less noise. Raises
    `AnswerRefused` for negative bids, and as `ask_rows` does.
    """
    days = int(played.day.max()) + 1
    left = np.full(days, cap)
    earned, won, cut = 0.0, 0, 0
    for hour in range(HOURS):
        at = np.flatnonzero(played.hour == hour)
        if not len(at):
            continue
        day = played.day[at]
        rows = {name: getattr(played, name)[at] for name in ("channel", "weekday", "hour", "visitor")}
        bids = ask_rows(ask, {**rows, "left": left[day] / cap})
        if bids.min(initial=0.0) < 0:
            raise AnswerRefused(f"a bid must not be negative, but one is {bids.min():.6g}")
        wins = bids > played.rival[at]
        due = np.where(wins, played.rival[at], 0.0)
        running = np.cumsum(due)
        before = np.searchsorted(day, np.arange(days))  # where each day begins: auctions come in the order of days
        start = np.concatenate([[0.0], running])[before]
        paid = wins & (running - start[day] <= left[day])
        left = np.maximum(0.0, left - np.bincount(day, np.where(paid, due, 0.0), minlength=days))
        earned += VALUE * float(played.chance[at][paid].sum())
        won, cut = won + int(paid.sum()), cut + int((wins & ~paid).sum())
    return Result(earned, days * cap - float(left.sum()), days * cap, won, cut)


def unseen(secret: str, days: int, part: str, seed: int) -> Auctions:
    """Days that nobody has seen: others for every `part` (such as search or holdout) and every attempt's `seed`."""
    return auctions(world(secret), days, generator(secret, f"auction {part}", seed))

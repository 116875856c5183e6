"""What requests cost: tokens as the server counts them, times a price per model."""

from __future__ import annotations

import re
from dataclasses import dataclass

from autoloop_kernel.records import AutoloopError, Cost

LONG_PROMPT = 100_000
"""Above how many tokens of prompt the prices for long prompts hold, where a model has such."""


@dataclass(frozen=True)
class Price:
    """Dollars for a million tokens: of input, of output, read from the cache, written to it for five minutes.

    `long` are the prices of a request whose prompt is longer than `LONG_PROMPT`, for all of its tokens.
    """

    input: float
    output: float
    read: float
    write: float
    long: Price | None = None


# Source: https://platform.claude.com/docs/en/about-claude/pricing and the models' own pages there, as of 24 October
# 2026, in US dollars without discounts. Prices change: prices=INPUT/OUTPUT/READ/WRITE overrides them.
PRICES = {
    "claude-fable-5-1": Price(10, 50, 0.25, 12.5),
    "claude-mythos-5-1": Price(10, 50, 0.25, 12.5),
    "claude-fable-5": Price(10, 50, 1, 12.5),
    "claude-mythos-5": Price(10, 50, 1, 12.5),
    "claude-opus-5-5": Price(4, 20, 0.2, 5),
    "claude-opus-5": Price(5, 25, 0.5, 6.25),
    "claude-opus-4-8": Price(5, 25, 0.5, 6.25),
    "claude-opus-4-7": Price(5, 25, 0.5, 6.25),
    "claude-opus-4-6": Price(5, 25, 0.5, 6.25),
    "claude-opus-4-5": Price(5, 25, 0.5, 6.25),
    "claude-sonnet-5-5": Price(2, 10, 0.1, 2.5),
    "claude-sonnet-5": Price(2, 10, 0.2, 2.5),
    "claude-sonnet-4-6": Price(3, 15, 0.3, 3.75),
    "claude-sonnet-4-5": Price(3, 15, 0.3, 3.75),
    "claude-haiku-5-5": Price(0.1, 0.5, 0.01, 0.125, long=Price(0.5, 2.5, 0.05, 0.625)),
    "claude-haiku-4-5": Price(1, 5, 0.1, 1.25),
}


def family(model: str) -> str:
    """The model's name without the date of a snapshot."""
    return re.sub(r"-20\d{6}$", "", model)


def price_of(model: str, override: str = "") -> Price | None:
    """The price of `model`, or what `override` says: INPUT/OUTPUT or INPUT/OUTPUT/READ/WRITE; None where unknown.

    Without READ and WRITE the cache is priced at the usual 0.1 and 1.25 times the input. Raises `AutoloopError` for an
    override that is none.
    """
    if not override:
        return PRICES.get(family(model))
    try:
        numbers = [float(part) for part in override.split("/")]
    except ValueError:
        numbers = []
    if len(numbers) not in (2, 4) or not all(0 <= number < float("inf") for number in numbers):
        raise AutoloopError(
            f"prices={override} is no price list — give dollars per million tokens as INPUT/OUTPUT, such as 2/10, "
            "or INPUT/OUTPUT/READ/WRITE of the cache"
        )
    read, write = numbers[2:] or (0.1 * numbers[0], 1.25 * numbers[0])
    return Price(numbers[0], numbers[1], read, write)


def cost_of(tokens: Cost, price: Price | None) -> Cost:
    """The same tokens of one request with their dollars (None where there is no price)."""
    if price is None:
        return Cost(tokens.model, 1, tokens.input, tokens.output, tokens.cache_read, tokens.cache_write, None, 1)
    if price.long is not None and tokens.input + tokens.cache_read + tokens.cache_write > LONG_PROMPT:
        price = price.long
    dollars = tokens.input * price.input + tokens.output * price.output
    dollars += tokens.cache_read * price.read + tokens.cache_write * price.write
    return Cost(tokens.model, 1, tokens.input, tokens.output, tokens.cache_read, tokens.cache_write, dollars / 1e6, 0)


def total(model: str, costs: list[Cost]) -> Cost:
    """The sum of what several requests cost."""
    known = [cost.dollars for cost in costs if cost.dollars is not None]
    return Cost(
        model,
        sum(cost.requests for cost in costs),
        sum(cost.input for cost in costs),
        sum(cost.output for cost in costs),
        sum(cost.cache_read for cost in costs),
        sum(cost.cache_write for cost in costs),
        sum(known) if known else None,
        sum(cost.unpriced for cost in costs),
    )

"""The words that logs use: what their columns are called, and what their status says."""

from __future__ import annotations

import re

from autoloop_kernel.records import Verdict


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


COMMIT = _names("commit hash sha git revision rev commit_hash git_hash git_commit git_sha")
STATUS = _names("status verdict decision outcome kept keep accepted improved action state result")
DESCRIPTION = _names(
    "description desc change changes idea hypothesis experiment title summary message notes note comment comments what "
    "name reason"
)
SCORE = _names(
    "val_bpb bpb val_loss score metric val_score objective val_acc val_accuracy accuracy acc f1 auc test_loss test_acc "
    "loss perplexity ppl reward rmse mse mae value result"
)
SCORE_WORDS = frozenset(
    _names("bpb loss score metric acc accuracy f1 auc r2 perplexity ppl reward rmse mse mae wer cer")
)
"""A column with one of these words in its name is a score, where none has a score's whole name."""
HIGHER = re.compile(
    r"acc|tok_s|flops|speed|sharpe|f1|auc|reward|precision|recall|throughput|bleu|r2|elo|win", re.IGNORECASE
)
"""What of a score's name lets expect that higher is better."""
NO_SCORE = re.compile(
    r"mem|vram|(^|_)[gm]i?b($|_)|time|sec|minutes|duration|step|token|param|(^|_)lr($|_)|seed|iter|(^|_)id($|_)|run|"
    r"epoch|flop|mfu|best|delta|diff|gain|improve|cost|date|batch|depth|std|sigma|train|(^|_)n($|_)|prev|base"
)
"""Names of columns with numbers that are no score."""

_KEEP = (
    "keep keeps kept accept accepted improved improvement improves better best win winner merged retained adopted "
    "baseline"
)
_DISCARD = (
    "discard discards discarded reject rejected revert reverted rollback rolled worse regressed regression drop "
    "dropped no not kill undo undone abandoned none neutral same unchanged"
)
_CRASH = "crash crashed fail failed failure error errored exception oom killed diverged broken segfault"
_TIMEOUT = "timeout timeouts timedout hang hung"
_RAN = "ok pass passed success successful done complete completed finished ran run scored"
_SIGNS = {"✅": "keep", "✔": "keep", "✓": "keep", "❌": "discard", "✗": "discard", "✘": "discard", "💥": "crash"}
_SIGNS |= {
    "保留": "keep",
    "基线": "baseline",
    "最佳": "best",
    "采纳": "accepted",
    "回滚": "rollback",
    "丢弃": "discard",
}
_SIGNS |= {"放弃": "abandoned", "崩溃": "crash", "失败": "failed", "超时": "timeout"}
_ORDER = (
    (Verdict.TIMEOUT, frozenset(_TIMEOUT.split())),
    (Verdict.DISCARD, frozenset(_DISCARD.split())),
    (Verdict.KEEP, frozenset(_KEEP.split())),
    (Verdict.CRASH, frozenset(_CRASH.split())),
    (Verdict.SCORED, frozenset(_RAN.split())),
)
_FLAGS = {"true": Verdict.KEEP, "yes": Verdict.KEEP, "y": Verdict.KEEP, "1": Verdict.KEEP}
_FLAGS |= {"false": Verdict.DISCARD, "n": Verdict.DISCARD, "0": Verdict.DISCARD}


def plain_name(cell: str) -> str:
    """A column's name as it is looked up: `Val BPB ` and `**val-bpb**` are `val_bpb`."""
    return re.sub(r"[^a-z0-9]+", "_", cell.casefold()).strip("_")


def verdict(cell: str) -> Verdict | None:
    """What a status says, decorated ones too (`**KEEP** (new best)`, `❌ reverted`); None for a word that says nothing.

    A word decides, not the phrase: of several, a refusal outweighs praise ("not improved"), and praise a failure
    ("keep, despite one failed retry"), but not where the failure comes first ("crash: better not keep").
    """
    text = cell.casefold()
    for sign, word in _SIGNS.items():
        text = text.replace(sign, f" {word} ")
    text = re.sub(r"timed[\s_-]+out|time[\s_-]+out", "timeout", text)
    found = re.findall(r"[a-z0-9]+", text)
    if len(found) == 1 and found[0] in _FLAGS:
        return _FLAGS[found[0]]
    for end, known in _ORDER:
        if found[:1] and found[0] in known and end in (Verdict.CRASH, Verdict.TIMEOUT):
            return Verdict.DISCARD if {"improve", "improved"} & set(found) else end
    return next((end for end, known in _ORDER if known & set(found)), None)

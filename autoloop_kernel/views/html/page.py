"""What every HTML view is made of: escaping, the frame with its style, heads, pairs, tables, pictures and folds.

The HTML reads without style and scripts, since code hosts strip both: signs stand before colours, separators are text
that the style hides, and folding is `<details>`. Colours follow Jupyter's theme variables where there are any.
"""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, RenderableType

from autoloop_kernel.escapes import without_escapes
from autoloop_kernel.views import rows, words

WIDTH = 100
"""How many columns a `text/plain` view has."""
PAIRS = 60
"""How many facts are shown at most: they come from the candidate."""
HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Controls, and the marks that turn the order of writing round: text may not pass for what it is not."""
CLASSES = {words.KEEP: "al-keep", words.CRASH: "al-crash", words.WARN: "al-warn", words.RUN: "al-run"}
SEPARATOR = '<span class="al-sep"> · </span>'

LIGHT = (
    "--al-paper:var(--jp-layout-color0,var(--vscode-editor-background,#fff));"
    "--al-ink:var(--jp-content-font-color1,var(--vscode-editor-foreground,#1f2328));"
    "--al-soft:var(--jp-content-font-color2,#57606a);--al-line:var(--jp-border-color2,#e0e0e0);"
    "--al-shade:var(--jp-layout-color2,#f5f5f5);"
    "--al-keep:#00785a;--al-crash:#b3400e;--al-warn:#8a6100;--al-run:#2b6cb0;--al-champion:#0067a3;--al-band:#0067a31a"
)
DARK = (
    "--al-paper:var(--jp-layout-color0,var(--vscode-editor-background,#111));"
    "--al-ink:var(--jp-content-font-color1,var(--vscode-editor-foreground,#e6e6e6));"
    "--al-soft:var(--jp-content-font-color2,#a0a7ae);--al-line:var(--jp-border-color2,#343434);"
    "--al-shade:var(--jp-layout-color2,#262626);"
    "--al-keep:#3ecf9f;--al-crash:#ff8a5c;--al-warn:#e2b93b;--al-run:#64a9ef;--al-champion:#64b5f6;--al-band:#64b5f62b"
)
TURNED = "filter:invert(.93) hue-rotate(180deg)"
UNTOLD = "body:not([data-jp-theme-light]):not([data-vscode-theme-kind])"
STYLE = f"""
.al-block{{{LIGHT}}}
body[data-jp-theme-light="false"] .al-block,body[data-vscode-theme-kind$="dark"] .al-block{{{DARK}}}
body[data-jp-theme-light="false"] .al-plot,body[data-vscode-theme-kind$="dark"] .al-plot{{{TURNED}}}
@media (prefers-color-scheme:dark){{{UNTOLD} .al-block{{{DARK};padding:10px 14px}}{UNTOLD} .al-plot{{{TURNED}}}}}
.al-block{{color:var(--al-ink);background:var(--al-paper);font:13px/1.5 var(--jp-ui-font-family,system-ui,sans-serif);
max-width:940px;padding:4px 2px 8px;overflow-wrap:anywhere}}
.al-block p{{margin:0 0 10px;padding:0}}
.al-block p.al-title{{font-size:18px;line-height:1.3;margin:2px 0}}
.al-title strong{{font-weight:600}}
.al-block .al-sub,.al-block .al-key,.al-block .al-note,.al-block .al-label{{color:var(--al-soft)}}
.al-block p.al-sub{{margin-bottom:12px}}
.al-block p.al-hypothesis{{max-width:74ch}}
.al-sep{{display:none}}
.al-block p.al-kpis{{display:flex;flex-wrap:wrap;gap:8px 28px;line-height:1.3;margin-bottom:12px}}
.al-kpi b{{display:block;font-size:17px;font-weight:600;font-variant-numeric:tabular-nums}}
.al-kpi .al-key{{display:block;font-size:12px}}
.al-block p.al-pairs{{display:flex;flex-wrap:wrap;gap:3px 22px;margin:0 0 6px}}
.al-pairs .al-key{{margin-right:2px}}
.al-pairs .al-label{{min-width:76px;font-weight:600}}
.al-pair{{font-variant-numeric:tabular-nums}}
.al-block .al-keep{{color:var(--al-keep)}}.al-block .al-crash{{color:var(--al-crash)}}
.al-block .al-warn{{color:var(--al-warn)}}.al-block .al-run{{color:var(--al-run)}}
.al-block .al-rest{{color:var(--al-soft)}}
.al-sign,.al-block table.al-table .al-sign{{white-space:nowrap}}
.al-block .al-scroll{{overflow-x:auto;margin:0 0 12px}}
.al-block table.al-table{{border-collapse:collapse;table-layout:auto;width:100%;margin:0;font-size:12.5px;
border:0;color:inherit}}
.al-block table.al-table thead{{border-bottom:1px solid var(--al-line)}}
.al-block table.al-table tr,.al-block table.al-table tbody tr{{background:none}}
.al-block table.al-table td,.al-block table.al-table th{{padding:3px 8px;border:0;
border-bottom:1px solid var(--al-line);text-align:left;vertical-align:top;line-height:1.45;overflow-wrap:normal}}
.al-block table.al-table th{{color:var(--al-soft);font-weight:400;white-space:nowrap}}
.al-block table.al-table .al-num{{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}}
.al-block table.al-table .al-wide{{width:55%;overflow-wrap:anywhere;min-width:150px}}
.al-block table.al-table tr.al-champion{{background:var(--al-band)}}
.al-block table.al-table tr.al-champion .al-mine{{color:var(--al-champion);font-weight:600}}
.al-block .al-plot{{display:block;max-width:100%;height:auto;margin:0 0 10px}}
.al-block details.al-fold{{margin:0 0 8px}}
.al-block details.al-fold>summary{{cursor:pointer;color:var(--al-soft)}}
.al-block pre.al-log{{margin:6px 0 0;padding:8px 12px;max-height:420px;overflow:auto;background:var(--al-shade);
color:var(--al-ink);border:1px solid var(--al-line);border-radius:6px;white-space:pre-wrap;
font:12px/1.5 var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace)}}
.al-block ol.al-list{{margin:0 0 10px;padding-left:22px}}
.al-block ol.al-list li{{margin:0 0 8px;max-width:86ch}}
.al-block code.al-path{{font:12px var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace);
background:none;color:inherit;padding:0}}
""".strip()


def safe(text: str) -> str:
    """`text` with lone surrogates replaced: no message and no notebook file could hold them."""
    return re.sub(r"[\ud800-\udfff]", "\ufffd", text)


def visible(text: str) -> str:
    """`text` as it may be shown anywhere: controls but tab and newline written out (`\\x1b`), no lone surrogates."""
    return safe(HIDDEN.sub(lambda found: ascii(found.group())[1:-1], text))


def esc(text: object) -> str:
    """Any text, made visible, for HTML: between tags or in a quoted attribute."""
    return html.escape(visible(f"{text}"), quote=True)


def line(text: object, width: int = 300) -> str:
    """Agent-made text as one escaped line of at most `width` characters."""
    return esc(words.shorten(f"{text}", width))


def console(text: str) -> str:
    """A program's output, escaped, without a terminal's colours."""
    return esc(without_escapes(text))


def tidy(data: Any) -> Any:
    """Plain structures for a JSON mime type: without NaN (null instead), lone surrogates and foreign objects."""
    return _safe(rows.clean(data))


def _safe(data: Any) -> Any:
    if isinstance(data, str):
        return safe(data)
    if isinstance(data, dict):
        return {safe(key): _safe(value) for key, value in data.items()}
    return [_safe(item) for item in data] if isinstance(data, list) else data


def text(renderable: RenderableType) -> str:
    """What rich makes of `renderable` as plain text, `WIDTH` columns wide, without colours and trailing blanks."""
    out = io.StringIO()
    # Inside a kernel rich would display HTML of its own instead of writing.
    Console(file=out, width=WIDTH, color_system=None, force_jupyter=False, force_terminal=False).print(renderable)
    return visible("\n".join(each.rstrip() for each in out.getvalue().rstrip().split("\n")))


def block(*parts: str) -> str:
    """Fragments in the frame that all views share, with its style; empty fragments are left out."""
    from autoloop_kernel.views.html.diff import STYLE as DIFF

    body = "\n".join(part for part in parts if part)
    return f'<div class="al-block">\n<style>\n{STYLE}\n{DIFF.strip()}\n</style>\n{body}\n</div>'


def head(title: str, below: Sequence[str]) -> str:
    """The head of a view: a title and a line of small facts below it (plain text; both are escaped here)."""
    # No <h1> to <h6>: JupyterLab would put every iteration shown into the notebook's table of contents.
    sub = " · ".join(esc(each) for each in below if each)
    top = f'<p class="al-title" role="heading" aria-level="3"><strong>{line(title)}</strong></p>'
    return f'{top}\n<p class="al-sub">{sub}</p>' if sub else top


def sign(look: words.Look) -> str:
    """A verdict's sign and word, in its colour."""
    word = f"{esc(look.sign)} {esc(look.word)}"
    return f'<span class="al-sign {CLASSES.get(look.colour, "al-rest")}">{word}</span>'


def figures(items: Sequence[tuple[str, str]]) -> str:
    """A row of large figures, each a fragment with a small label (plain text, may be empty) under it."""
    cells = [f'<b>{value}</b> <span class="al-key">{esc(label)}</span>' for value, label in items]
    return f'<p class="al-kpis">{SEPARATOR.join(f"""<span class="al-kpi">{cell}</span>""" for cell in cells)}</p>'


def value(fact: Any) -> str:
    """A fact as text: numbers by their size, all else on one line."""
    if isinstance(fact, bool) or not isinstance(fact, (int, float)):
        return words.shorten(str(fact), 200)
    if isinstance(fact, int):
        return words.shorten(f"{fact:,}".replace("-", words.MINUS), 200)
    return words.number(fact)


def moved(old: Any, new: Any) -> str:
    """By how much a fact changed, signed; empty where one is no ordinary number, or they are the same."""
    if any(isinstance(each, bool) or not isinstance(each, (int, float)) for each in (old, new)) or old == new:
        return ""
    if isinstance(old, int) and isinstance(new, int):
        return f"{new - old:+,}".replace("-", words.MINUS)
    try:
        change = words.signed(float(new) - float(old), words.decimals([float(new)]))
    except OverflowError:  # a candidate's whole number may have any length
        return ""
    return change if change != words.DASH else ""


def pairs(mapping: Mapping[str, Any], label: str = "") -> str:
    """Facts as one line of names and values in tabular figures, with a `label` before them; empty without facts."""
    if not mapping:
        return ""
    items = list(mapping.items())
    cells = [f'<span class="al-key">{line(k, 60)}</span> {esc(value(v))}' for k, v in items[:PAIRS]]
    if len(items) > PAIRS:
        cells.append(f'<span class="al-key">and {len(items) - PAIRS:,} more</span>')
    first = f'<span class="al-label">{esc(label)}</span> ' if label else ""
    return f'<p class="al-pairs">{first}{SEPARATOR.join(f"""<span class="al-pair">{c}</span>""" for c in cells)}</p>'


def note(said: str) -> str:
    """A plain sentence about the view itself (plain text)."""
    return f'<p class="al-note">{esc(said)}</p>'


def marked(said: str) -> str:
    """A sentence in which `code` stands between backticks, and nothing else is markup, as a fragment."""
    return re.sub(r"`([^`]*)`", r'<code class="al-path">\1</code>', esc(said))


def prose(said: str, limit: int = 4000) -> str:
    """A hypothesis as paragraphs; of more than `limit` characters the rest is left out."""
    cut = said if len(said) <= limit else said[: limit - 1] + "…"
    parts = [" ".join(part.split()) for part in re.split(r"\n\s*\n", cut)]
    return "\n".join(f'<p class="al-hypothesis">{esc(part)}</p>' for part in parts if part)


def table(heads: Sequence[str], body: Sequence[Sequence[str]], kinds: Sequence[str], marks: Sequence[str] = ()) -> str:
    """A table: plain heads, rows of fragments, a class a column (may be empty) and, with `marks`, a class a row."""
    tops = "".join(f'<th scope="col"{_class(kind)}>{esc(head)}</th>' for head, kind in zip(heads, kinds, strict=True))
    lines = []
    for place, cells in enumerate(body):
        tds = "".join(f"<td{_class(kind)}>{cell}</td>" for cell, kind in zip(cells, kinds, strict=True))
        lines.append(f"<tr{_class(marks[place] if marks else '')}>{tds}</tr>")
    inner = f"<thead><tr>{tops}</tr></thead>\n<tbody>\n" + "\n".join(lines) + "\n</tbody>"
    return f'<div class="al-scroll"><table class="al-table">\n{inner}\n</table></div>'


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def fold(summary: str, inner: str, shown: bool = False) -> str:
    """A fragment behind a line (plain text) that opens it; no script is needed for that."""
    return f'<details class="al-fold"{" open" if shown else ""}><summary>{esc(summary)}</summary>\n{inner}\n</details>'


def picture(png: bytes, alt: str, width: int | None = None) -> str:
    """A PNG inside the page; `alt` says what it shows, `width` in CSS pixels. Drawn on white, turned in dark themes."""
    data = base64.b64encode(png).decode("ascii")
    wide = f' width="{width}"' if width else ""
    return f'<img class="al-plot" src="data:image/png;base64,{data}" alt="{esc(words.plain(alt))}"{wide}>'

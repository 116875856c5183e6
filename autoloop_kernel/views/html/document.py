"""A page of its own for a browser: a heading, sentences, and views below headings; light and dark, without scripts."""

from __future__ import annotations

from collections.abc import Sequence

from autoloop_kernel.executed import mark
from autoloop_kernel.views.html import page

STYLE = """
:root{color-scheme:light dark}
body{margin:0;background:#fff;color:#1f2328;font:15px/1.55 system-ui,sans-serif}
main{max-width:960px;margin:0 auto;padding:28px 24px 60px}
h1{font-size:26px;line-height:1.25;margin:0 0 14px;font-weight:650}
h2{font-size:18px;margin:34px 0 4px;padding-top:16px;border-top:1px solid #e0e0e0;font-weight:650}
.al-lead{font-size:17px;font-weight:600;margin:0 0 12px}
.al-below,footer{color:#57606a;margin:0 0 10px;max-width:86ch}
ul.al-verdict{margin:0;padding-left:20px;max-width:86ch}
ul.al-verdict li{margin:0 0 4px}
code,main .al-block code.al-path{font:.88em ui-monospace,Menlo,Consolas,monospace;font-weight:inherit;
overflow-wrap:anywhere}
main .al-block{max-width:none;padding:0;font-size:13.5px}
footer{margin-top:40px;font-size:12.5px}
@media (prefers-color-scheme:dark){body{background:#111;color:#e6e6e6}h2{border-color:#343434}
.al-below,footer{color:#a0a7ae}main .al-block{padding:0 !important}}
@media print{main{padding:0}h2{break-after:avoid}}
""".strip()


def document(
    kind: str, title: str, lead: str, said: Sequence[str], parts: Sequence[tuple[str, str, str]], ending: str
) -> str:
    """An HTML file, complete; `kind` marks what it is, for whoever is to overwrite it.

    `title`, `lead`, `said` (sentences) and `ending` are text in which code stands between backticks; `parts` are a
    heading, a line below it (both text, the line may be empty) and a fragment each.
    """
    bullets = "".join(f"<li>{page.marked(one)}</li>" for one in said)
    sections = "\n".join(
        f"<section>\n<h2>{page.esc(heading)}</h2>\n"
        + (f'<p class="al-below">{page.marked(below)}</p>\n' if below else "")
        + f"{fragment}\n</section>"
        for heading, below, fragment in parts
    )
    plain = page.esc(title.replace("`", ""))
    return (
        f'<!doctype html>\n{mark(kind)}\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{plain}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<main>\n<h1>{page.marked(title)}</h1>\n"
        f'<p class="al-lead">{page.marked(lead)}</p>\n<ul class="al-verdict">{bullets}</ul>\n{sections}\n'
        f"<footer>{page.marked(ending)}</footer>\n</main>\n</body>\n</html>\n"
    )

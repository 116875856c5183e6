"""How a diff looks: quiet surfaces, green and vermilion tints, in the light and dark of whatever shows it.

Everything takes Jupyter's own colours where there are any; tints are set per theme. Selectors carry at least two
classes, since Jupyter styles every `pre` and `td` in an output by itself.
"""

from __future__ import annotations

from autoloop_kernel.views.html import syntax

LIGHT = """
  --al-paper: var(--jp-layout-color0, var(--vscode-editor-background, #fff));
  --al-quiet: #80808014; --al-void: #8080800d;
  --al-add: #e6f4ee; --al-ins: #b4e3cc; --al-plus: #00785a;
  --al-cut: #fbe9e2; --al-del: #f6cbb9; --al-minus: #b3400e;
  --al-key: #008000; --al-text: #ba2121; --al-num: #116329; --al-op: #7800c2; --al-def: #0000d0; --al-note: #4a6b6b;
"""

DARK = """
  --al-paper: var(--jp-layout-color0, var(--vscode-editor-background, #111));
  --al-quiet: #80808026; --al-void: #80808014;
  --al-add: #12352a; --al-ins: #1d6149; --al-plus: #3ecf9f;
  --al-cut: #3d2015; --al-del: #7a3a20; --al-minus: #ff8a5c;
  --al-key: #66c46a; --al-text: #ff8585; --al-num: #81c784; --al-op: #cc7cff; --al-def: #64b5f6; --al-note: #7fb3b3;
"""

SHARED = """
  --al-ink: var(--jp-content-font-color1, var(--vscode-editor-foreground, {ink}));
  --al-soft: var(--jp-content-font-color2, var(--vscode-descriptionForeground, {soft}));
  --al-edge: var(--jp-border-color2, var(--vscode-widget-border, {edge}));
"""

_LIGHT = LIGHT + SHARED.format(ink="#1f2328", soft="#57606a", edge="#e0e0e0")
_DARK = DARK + SHARED.format(ink="#e6e6e6", soft="#a0a7ae", edge="#343434")

STYLE = (
    f"""\
.al-diff {{{_LIGHT}}}
body[data-jp-theme-light="false"] .al-diff, body.vscode-dark .al-diff, html[theme="dark"] .al-diff {{{_DARK}}}
@media (prefers-color-scheme: dark) {{
body:not([data-jp-theme-light]):not(.vscode-light):not(.vscode-high-contrast) .al-diff {{{_DARK}}}
}}
"""
    + """\
.al-diff .al-unit {
  position: relative; margin: 8px 0 12px; overflow: hidden; text-align: left;
  color: var(--al-ink); background: var(--al-paper); border: 1px solid var(--al-edge); border-radius: 6px;
  font: var(--jp-code-font-size, 13px)/1.55 var(--jp-code-font-family, ui-monospace, Menlo, Consolas, monospace);
}
.al-diff .al-head, .al-diff .al-split > summary, .al-diff .al-note {
  font: var(--jp-ui-font-size1, 13px)/20px var(--jp-ui-font-family, system-ui, sans-serif);
}
.al-diff .al-head {
  display: flex; flex-wrap: wrap; gap: 0 8px; padding: 4px 114px 4px 12px;
  color: var(--al-soft); background: var(--al-quiet); border-bottom: 1px solid var(--al-edge);
  font-variant-numeric: tabular-nums;
}
.al-diff .al-unit:not(:has(> .al-split)) > .al-head { padding-right: 12px; }
.al-diff .al-name b { color: var(--al-ink); font-weight: 600; }
.al-diff .al-plus { color: var(--al-plus); }
.al-diff .al-minus { color: var(--al-minus); }
.al-diff .al-sides { margin-left: auto; }
.al-diff .al-note { margin: 0; padding: 5px 12px; color: var(--al-soft); }
.al-diff .al-unified { overflow-x: auto; }
.al-diff .al-sheet { width: max-content; min-width: 100%; }
.al-diff pre.al-p {
  margin: 0; padding: 0; border: 0; overflow: visible; color: inherit; background: none; font: inherit;
  line-height: 1.55; white-space: pre; word-break: normal; tab-size: 4;
}
.al-diff .al-l { display: block; background: var(--al-paper); }
.al-diff .al-l.al-new { background: var(--al-add); }
.al-diff .al-l.al-old { background: var(--al-cut); }
.al-diff .al-g {
  position: sticky; left: 0; display: inline-block; background: inherit; color: var(--al-soft);
  -webkit-user-select: none; user-select: none;
}
.al-diff .al-g b { font-weight: 600; }
.al-diff .al-new .al-g b { color: var(--al-plus); }
.al-diff .al-old .al-g b { color: var(--al-minus); }
.al-diff ins { text-decoration: none; background: var(--al-ins); border-radius: 2px; }
.al-diff del { text-decoration: none; background: var(--al-del); border-radius: 2px; }
.al-diff .al-more > summary, .al-diff .al-gap {
  padding: 0 12px 0 5ch; list-style: none; color: var(--al-soft); background: var(--al-quiet); line-height: 1.55;
  -webkit-user-select: none; user-select: none;
}
.al-diff .al-more > summary::-webkit-details-marker, .al-diff .al-split > summary::-webkit-details-marker {
  display: none;
}
.al-diff summary { cursor: pointer; }
.al-diff .al-more > summary:hover, .al-diff .al-split > summary:hover { color: var(--al-ink); }
.al-diff .al-split > summary {
  position: absolute; top: 0; right: 0; padding: 4px 12px; list-style: none; color: var(--al-soft);
}
.al-diff .al-split[open] > summary {
  color: var(--jp-brand-color1, var(--vscode-textLink-foreground, #2b6cb0)); font-weight: 600;
}
.al-diff .al-unit:has(> .al-split[open]) > .al-unified { display: none; }
.al-diff table.al-two {
  width: 100%; margin: 0; border: 0; border-collapse: collapse; table-layout: fixed; color: inherit; font: inherit;
}
.al-diff .al-two thead { border: 0; }
.al-diff .al-two tr.al-r { background: none; }
.al-diff .al-two .al-r .al-x {
  width: 50%; padding: 0; border: 0; text-align: left; vertical-align: top; font: inherit; white-space: normal;
}
.al-diff .al-two .al-r .al-x + .al-x { border-left: 1px solid var(--al-edge); }
.al-diff .al-two .al-r th.al-x {
  font: var(--jp-ui-font-size1, 13px)/20px var(--jp-ui-font-family, system-ui, sans-serif);
  padding: 1px 12px; color: var(--al-soft); background: var(--al-quiet);
}
.al-diff .al-two .al-r .al-void { background: var(--al-void); }
.al-diff .al-two .al-l {
  padding-left: 8ch; text-indent: -8ch; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 24em;
  overflow-y: auto;
}
.al-diff .al-two .al-g { position: static; text-indent: 0; white-space: pre; }
@media (forced-colors: active) {
.al-diff ins { text-decoration: underline; }
.al-diff del { text-decoration: line-through; }
}
@media print { .al-diff .al-l { -webkit-print-color-adjust: exact; print-color-adjust: exact; } }
"""
    + syntax.STYLE
)
"""The CSS rules of what `diff` draws."""

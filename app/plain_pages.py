"""Pages that stand alone: shown before a browser is let in, so they load nothing else."""

from html import escape

from starlette.responses import HTMLResponse

_ADVICE = {
    400: ("Wrong address", "Use the address that was printed in the terminal."),
    401: (
        "Open the studio with its link",
        "Look for the line with <code>?token=</code> in the terminal where the studio runs and "
        "open it in this browser. Lost it? Run this where you started the studio:",
    ),
    403: (
        "This link does not open the studio",
        "A link opens one browser, once. Run this where you started the studio for a new one:",
    ),
}

STYLE = """
:root{color-scheme:dark light;--bg:#0B0E12;--panel:#141920;--line:#232A33;--text:#E6EAF0;
--quiet:#9AA5B1;--prior:#E69F00;--before:#56B4E9;--after:#009E73}
@media(prefers-color-scheme:light){:root{--bg:#F6F7F9;--panel:#fff;--line:#DCE1E7;
--text:#1B222B;--quiet:#5A6673}}
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;
background:var(--bg);color:var(--text);font:15px/1.55 system-ui,sans-serif}
main{width:min(34rem,calc(100vw - 32px));padding:28px 32px 30px;background:var(--panel);
border:1px solid var(--line);border-radius:6px}
h1{margin:14px 0 8px;font-size:20px;line-height:1.3;font-weight:600}p{margin:0 0 12px}
.why{color:var(--quiet)}i{display:inline-block;width:9px;height:9px;border-radius:50%;
margin-right:5px}.name{font-size:13px;color:var(--quiet);display:flex;align-items:center}
code,pre{font:13px/1.5 ui-monospace,Menlo,Consolas,monospace}pre{margin:0;padding:10px 12px;
background:var(--bg);border:1px solid var(--line);border-radius:6px;white-space:pre-wrap;
overflow-wrap:anywhere;user-select:all}
"""


def plain_page(status: int, reason: str, port: int) -> HTMLResponse:
    """A page that says what happened and what to do; `reason` is escaped."""
    title, advice = _ADVICE.get(status, ("Not possible", "Go back and try again."))
    command = f"<pre>pointins studio --link --port {port}</pre>" if status in (401, 403) else ""
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} · PointINS '
        'Studio</title><meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="icon" href="data:,"><style>{STYLE}</style></head><body><main>'
        '<div class="name"><i style="background:var(--prior)"></i><i style="background:'
        'var(--before)"></i><i style="background:var(--after)"></i>&nbsp;PointINS Studio</div>'
        f'<h1>{title}</h1><p class="why">{escape(reason)}</p><p>{advice}</p>{command}'
        "</main></body></html>",
        status_code=status,
    )

"""Templates become responses: one policy of headers for everything that the admin port says.

Law: every expression is escaped and stripped of hidden characters here, so that no template can forget it; and should a text ever get
through, the policy lets nothing run, load, or be framed.
"""

import hashlib
import re
from functools import cache
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from proxy.pages.words import visible

HERE = Path(__file__).parent
CODE = re.compile("`([^`<>&]+)`")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with no-referrer a browser sends `Origin: null` from our own forms, as from a stranger's
    "Cache-Control": "no-store",
}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """A signal of the application: whatever is answered."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


def page(template: str, status: int = 200, **values: object) -> web.Response:
    text = _environment().get_template(template).render(style=_style()[1], **values)
    return web.Response(body=text.encode("utf-8", "replace"), status=status, content_type="text/html", charset="utf-8")


async def stylesheet(request: web.Request) -> web.Response:
    """Kept by the browser: its address changes with it."""
    return web.Response(body=_style()[0], content_type="text/css", charset="utf-8", headers={"Cache-Control": "private, max-age=86400"})


async def icon(request: web.Request) -> web.Response:
    """None: asked for by every browser, and no fault."""
    return web.Response(status=204)


@cache
def _environment() -> Environment:
    """Undefined names are faults of ours."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        finalize=_shown,
    )  # fmt: skip
    made.filters.update(told=_told)
    return made


def _shown(value: object) -> object:
    return value if isinstance(value, Markup) else visible(value)


def _told(text: str) -> Markup:
    """Escaped; a command between backticks is set as code."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(visible(text)))))


@cache
def _style() -> tuple[bytes, str]:
    """The stylesheet and its address."""
    data = (HERE / "static" / "page.css").read_bytes()
    return data, f"/static/page.css?v={hashlib.sha256(data).hexdigest()[:12]}"

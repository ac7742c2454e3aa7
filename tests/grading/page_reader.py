"""Reads a page as a strict browser would: every element closed, and what it would ask for."""

from __future__ import annotations

import base64
import hashlib
from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "link", "br", "rect", "line", "img", "input", "hr"}
BLOCKS = {"br", "dt", "dd", "td", "th", "li", "p", "summary", "small"}
ASKS = {"src", "srcset", "data", "poster", "action", "formaction", "background", "ping"}


class PageReader(HTMLParser):
    """What a page holds; `faults` is empty if it is as it should be."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.faults: list[str] = []
        self.elements: list[tuple[str, dict[str, Any]]] = []
        self.texts: list[str] = []
        self.inside: dict[str, list[str]] = {"style": [], "script": [], "code": [], "pre": [], "title": []}
        self.feed(html)
        self.close()
        self.faults += [f"<{name}> is not closed" for name in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.elements.append((tag, told))
        for name, value in told.items():
            if name.startswith("on") or name == "style" or name in ASKS:
                self.faults.append(f"<{tag}> has {name}={value!r}")
        if tag == "a" and (told.get("href") or "").partition(":")[0].casefold() in ("http", "https", "javascript"):
            self.faults.append(f"a link to {told['href']}")
        if tag in BLOCKS:
            self.texts.append(" ")
        if tag not in VOID:
            self.open.append(tag)
            if tag in self.inside:
                self.inside[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> where {self.open[-1:]} is open")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        for name in self.inside:
            if name in self.open:
                self.inside[name][-1] += data
        if not {"style", "script", "title"} & set(self.open):
            self.texts.append(data)

    @property
    def text(self) -> str:
        """All that a reader sees, with single blanks."""
        return " ".join("".join(self.texts).split())

    @property
    def policy(self) -> str:
        return next(told["content"] for tag, told in self.elements if told.get("http-equiv"))

    def links(self) -> list[str]:
        return [told["href"] for tag, told in self.elements if tag == "a"]

    def allows(self, kind: str) -> bool:
        """Whether the page's own style or script has the hash that its policy names."""
        digest = base64.b64encode(hashlib.sha256(self.inside[kind][0].encode()).digest()).decode()
        return f"{kind}-src 'sha256-{digest}'" in self.policy

"""Finding things on a page as a person names them: a field by its label, a button by what is
written on it.

"css=..." is a selector, for what has no name. Of several the first that can be seen is meant.
"""

from __future__ import annotations

from playwright.async_api import FrameLocator, Locator, Page

Root = Page | FrameLocator
# What a person would call a button or a link, as WAI-ARIA has it: frameworks build their buttons
# from all of these.
_ROLES = ("button", "link", "tab", "menuitem", "checkbox", "radio", "option")


def field(root: Root, name: str) -> Locator:
    """Something to write into: by label, placeholder or name."""
    if selector := _selector(name):
        return _seen(root.locator(selector))
    # A name with a quote in it would end the selector's string early.
    attribute = name.replace("\\", "\\\\").replace('"', '\\"')
    found = root.get_by_label(name).or_(root.get_by_placeholder(name))
    return _seen(
        found.or_(root.locator(f'input[name="{attribute}"], textarea[name="{attribute}"]'))
    )


def control(root: Root, name: str) -> Locator:
    """Something to click: by its name, else by its text."""
    if selector := _selector(name):
        return _seen(root.locator(selector))
    found = root.get_by_role("button", name=name)
    for role in _ROLES[1:]:
        found = found.or_(root.get_by_role(role, name=name))  # type: ignore[arg-type]
    return _seen(found.or_(root.get_by_text(name)))


def text(root: Root, written: str) -> Locator:
    """Something to be seen: by its text, whatever its case."""
    if selector := _selector(written):
        return _seen(root.locator(selector))
    return _seen(root.get_by_text(written).or_(root.get_by_role("heading", name=written)))


def _selector(name: str) -> str:
    return name.removeprefix("css=") if name.startswith("css=") else ""


def _seen(found: Locator) -> Locator:
    # Responsive pages hold a second, hidden menu for small screens, whose entries have the same
    # names.
    return found.filter(visible=True).first

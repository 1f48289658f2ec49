"""A case: what a policy classifies."""

from __future__ import annotations

from dataclasses import dataclass

from checks.contract import Layer


@dataclass(frozen=True, slots=True)
class Case:
    """One failed look at one thing, in the terms that policies speak of."""

    kind: str
    """the kind of check ("sip-call", "portal", ...)"""
    stage: str = ""
    """the stage that failed ("answer", "prompt", ...)"""
    code: str = ""
    """the fault's code ("sip:503", "q850:34", "wrong-prompt", "expected:answer_seconds")"""
    check: str = ""
    """the check's name in the configuration"""
    component: str = ""
    """what the check stands for, where one kind looks at several things ("agent-portal",
    "admin-portal", ...)
    """
    layer: Layer = Layer.APPLICATION
    """the layer of the failed stage"""
    text: str = ""
    """the far end's own words"""
    lost: int = 0
    """calls rejected, or agents that cannot take any, where that was counted"""
    of: int = 0
    """of so many calls offered, or seats; 0 where nothing was counted"""

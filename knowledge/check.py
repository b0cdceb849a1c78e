"""What must hold of content beyond its form. Every rule has a test that breaks it."""

from knowledge.errors import Problem
from knowledge.files import Content


def check_content(content: Content) -> list[Problem]:
    """All problems of a content; warnings among them."""
    return []

"""Errors of her pictures.

::

    ImagegenError
    ├── PromptError          a wish or a prompt that cannot be used
    │   ├── WeightSyntax     brackets or weights that cannot be read
    │   └── UnknownProfile   a profile of quality words that is not there
    ├── GlossaryError        a glossary file with a faulty line
    └── TranslationError     a translator that cannot be loaded or gives nothing
"""


class ImagegenError(Exception):
    """Base of the errors. The message is one English sentence: the thing, what was wrong, what to do."""


class PromptError(ImagegenError):
    pass


class WeightSyntax(PromptError):
    """Brackets or weights that cannot be read; ``position`` is the character where reading stopped."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


class UnknownProfile(PromptError):
    pass


class GlossaryError(ImagegenError):
    pass


class TranslationError(ImagegenError):
    pass

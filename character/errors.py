"""Errors of the character package.

::

    CharacterError
    ├── CardError               a card file that cannot be read or written
    ├── PromptError             a prompt that cannot be built (the card alone exceeds the budget)
    └── LanguageModelError      generation failed
        ├── ModelUnavailable    the endpoint or the weights cannot be reached now; trying later may help
        └── AdapterError        a LoRA adapter that does not exist or does not fit the base model
"""


class CharacterError(Exception):
    """Base of all errors of this package. The message names the thing, what was wrong with it and what to do."""


class CardError(CharacterError):
    """A character card is malformed."""


class PromptError(CharacterError):
    """A prompt does not fit its token budget even without history."""


class LanguageModelError(CharacterError):
    """The language model could not produce a reply."""


class ModelUnavailable(LanguageModelError):
    """The language model cannot be reached now."""


class AdapterError(LanguageModelError):
    """A LoRA adapter cannot be loaded or used."""

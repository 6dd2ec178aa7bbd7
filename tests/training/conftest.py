"""Some training commands read what a server has stored: its fixture serves here too."""

from tests.server.conftest import start

__all__ = ["start"]

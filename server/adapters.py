"""The LoRA adapters a server keeps, and the one in use; both outlive a restart.

They stand in ``DATA/adapters/NAME/``, copied there, so that a training folder may be thrown away. ``DATA/adapters/active``
holds the name of the one in use; without it, it is the one of the settings.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from character.errors import AdapterError
from character.loading import FIRST_ADAPTER

logger = logging.getLogger(__name__)

NONE = "none"
"""Name that stands for the bare base model."""
NAME = re.compile(r"[\w가-힣][\w가-힣.-]{0,63}")
FILES = ("adapter_config.json", "adapter_model.safetensors", "report.json")


class SwappableModel(Protocol):
    """A language model whose adapters can change while it runs (`character.local_model.LocalModel`)."""

    @property
    def adapter(self) -> str | None: ...
    def adapters(self) -> tuple[str, ...]: ...
    async def add_adapter(self, name: str, folder: str | Path) -> None: ...
    def use_adapter(self, name: str | None) -> None: ...
    async def remove_adapter(self, name: str) -> None: ...


@dataclass(frozen=True)
class Stored:
    """An adapter of the folder: its name, where it is, when it was added (seconds since 1970)."""

    name: str
    folder: Path
    added: float


class AdapterFolder:
    """The adapters on disk; used by the server, and by commands while none runs.

    Args:
        data: the server's data folder.
    """

    def __init__(self, data: Path) -> None:
        self._folder = data / "adapters"
        self._active = self._folder / "active"

    def list(self) -> list[Stored]:
        found = self._folder.iterdir() if self._folder.is_dir() else ()
        return sorted(
            (Stored(path.name, path, path.stat().st_mtime) for path in found if (path / FILES[0]).is_file()),
            key=lambda stored: stored.name,
        )

    @property
    def active(self) -> str:
        """Name of the one in use: `FIRST_ADAPTER` is the one of the settings, `NONE` the bare model."""
        try:
            return self._active.read_text(encoding="utf-8").strip() or FIRST_ADAPTER
        except FileNotFoundError:
            return FIRST_ADAPTER

    def set_active(self, name: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._active.with_suffix(".partial")
        partial.write_text(name + "\n", encoding="utf-8")
        os.replace(partial, self._active)

    def path(self, name: str) -> Path:
        """Folder of a kept adapter.

        Raises:
            AdapterError: there is none of that name.
        """
        if NAME.fullmatch(name) and (self._folder / name / FILES[0]).is_file():
            return self._folder / name
        known = [FIRST_ADAPTER, NONE, *(stored.name for stored in self.list())]
        raise AdapterError(f"there is no adapter {name!r}; there are: {', '.join(known)}")

    def add(self, source: Path, name: str) -> Path:
        """Copies an adapter in, whole or not at all; one of the same name is replaced.

        Raises:
            AdapterError: it is no adapter, the name cannot be used, or it cannot be copied.
        """
        if not NAME.fullmatch(name) or name in (FIRST_ADAPTER, NONE, "active"):
            raise AdapterError(f"{name!r} cannot be an adapter's name; take letters, digits, - and _")
        for file in FILES[:2]:
            if not (source / file).is_file():
                raise AdapterError(f"{source} is not a LoRA adapter: it has no {file}")
        partial, target = self._folder / f".{name}.partial", self._folder / name
        try:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            for file in FILES:
                if (source / file).is_file():
                    shutil.copyfile(source / file, partial / file)
            shutil.rmtree(target, ignore_errors=True)
            partial.rename(target)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise AdapterError(f"{source} cannot be copied to {target}: {error.strerror or error}") from None
        return target

    def remove(self, name: str) -> None:
        """Deletes a kept adapter.

        Raises:
            AdapterError: there is none of that name, or it is in use.
        """
        folder = self.path(name)
        if self.active == name:
            raise AdapterError(f"adapter {name} is in use; 'adapter use {FIRST_ADAPTER}' first")
        shutil.rmtree(folder)


class Adapters:
    """Swaps the adapter of the running model.

    Args:
        model: of any kind; one without adapters (a URL) refuses.
        kept: the adapters on disk.
    """

    def __init__(self, model: Any, kept: AdapterFolder) -> None:
        self._model, self._kept = model, kept

    async def start(self) -> None:
        """Takes up what was in use before the restart; if that fails, the settings' adapter talks, and the log says so."""
        name = self._kept.active
        if name == FIRST_ADAPTER:
            return
        try:
            await self.use(name)
        except AdapterError as error:
            logger.error("adapter %s cannot be used, going on with %s: %s", name, FIRST_ADAPTER, error)

    def _swappable(self) -> SwappableModel:
        if not hasattr(self._model, "add_adapter"):
            raise AdapterError("the language model is behind a URL; adapters are loaded by the program that serves it")
        model: SwappableModel = self._model
        return model

    async def use(self, name: str) -> float:
        """Makes an adapter that of all replies from now on; those under way end with the old one.

        Returns:
            Seconds it took.

        Raises:
            AdapterError: there is none of that name, or it does not fit; nothing has changed.
        """
        model, began = self._swappable(), time.monotonic()
        before = model.adapter
        if name == FIRST_ADAPTER:
            model.use_adapter(FIRST_ADAPTER if FIRST_ADAPTER in model.adapters() else None)
        elif name == NONE:
            model.use_adapter(None)
        else:
            await model.add_adapter(name, self._kept.path(name))
            model.use_adapter(name)
        self._kept.set_active(name)
        if before not in (None, FIRST_ADAPTER, name):
            await model.remove_adapter(before)
        logger.info("adapter %s is in use", name)
        return time.monotonic() - began

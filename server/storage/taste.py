"""How accounts like faces, and which face each has chosen, on disk."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa

from server.storage.schema import face_choices, face_ratings
from stylegan.identity import Face


@dataclass(frozen=True)
class RatedFace:
    """A face that an account has rated.

    Attributes:
        id: as clients name it.
        rating: 1 … 5.
    """

    id: str
    face: Face
    rating: int


def _columns(face: Face) -> dict[str, str]:
    latent = [round(float(value), 6) for value in face.latent]
    return {"latent": json.dumps(latent), "attributes": json.dumps(dict(face.attributes))}


def _face(latent: str, attributes: str) -> Face:
    return Face(np.array(json.loads(latent), np.float32), json.loads(attributes))


def ratings_of(connection: sa.Connection, account: str) -> list[RatedFace]:
    """All ratings of an account, oldest first."""
    rows = connection.execute(
        sa.select(face_ratings)
        .where(face_ratings.c.account == account)
        .order_by(face_ratings.c.created, face_ratings.c.face)
    )
    return [RatedFace(row.face, _face(row.latent, row.attributes), row.rating) for row in rows]


def rate(connection: sa.Connection, account: str, ident: str, face: Face, rating: int | None) -> int:
    """Stores a rating in place of an earlier one, or takes it back; returns how many there are now."""
    connection.execute(face_ratings.delete().where(face_ratings.c.account == account, face_ratings.c.face == ident))
    if rating is not None:
        connection.execute(
            face_ratings.insert().values(
                account=account, face=ident, rating=rating, created=time.time(), **_columns(face)
            )
        )
    count = sa.select(sa.func.count()).select_from(face_ratings).where(face_ratings.c.account == account)
    return int(connection.execute(count).scalar_one())


def choice_of(connection: sa.Connection, account: str) -> tuple[str, Face] | None:
    """The face an account has chosen, with its id; None: it has not."""
    row = connection.execute(sa.select(face_choices).where(face_choices.c.account == account)).first()
    return None if row is None else (row.face, _face(row.latent, row.attributes))


def choose(connection: sa.Connection, account: str, ident: str, face: Face) -> None:
    """Makes a face the account's own."""
    unchoose(connection, account)
    connection.execute(face_choices.insert().values(account=account, face=ident, created=time.time(), **_columns(face)))


def unchoose(connection: sa.Connection, account: str) -> None:
    """The account sees the face again that comes with the weights."""
    connection.execute(face_choices.delete().where(face_choices.c.account == account))


def forget_ratings(connection: sa.Connection, account: str) -> int:
    """Deletes what is known of an account's taste; returns how many ratings there were."""
    return connection.execute(face_ratings.delete().where(face_ratings.c.account == account)).rowcount

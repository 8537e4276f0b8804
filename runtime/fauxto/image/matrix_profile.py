"""Profiles of three primaries and a curve each, as cameras and phones write them (Display P3, Adobe RGB), to sRGB.

Little CMS takes 26 ms a megapixel for these, a table, a product of matrices and a table 9 ms. The format is ICC.1:2010,
sections 8.3 (three-component matrix-based profiles), 10.5 (curveType) and 10.15 (parametricCurveType).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SRGB_PRIMARIES = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)
"""Columns: XYZ of sRGB's red, green and blue (IEC 61966-2-1), adapted to D50 by Bradford's matrix."""

STEPS = 1 << 14  # of linear light, in the table that encodes it: finer than a level everywhere
ROWS = 16  # that are converted at once: they stay in the processor's cache
_ENCODED = np.linspace(0, 1, STEPS)
_ENCODE = np.round(
    255 * np.where(_ENCODED <= 0.0031308, 12.92 * _ENCODED, 1.055 * np.maximum(_ENCODED, 1e-9) ** (1 / 2.4) - 0.055)
).astype(np.uint8)


@dataclass(frozen=True)
class MatrixProfile:
    """What turns a profile's RGB into sRGB.

    Attributes:
        curves: (3, 256) float32, linear light of each channel's levels.
        matrix: (3, 3) float32, linear light, a row of three, times it is sRGB's in steps of the encoding table.
    """

    curves: npt.NDArray[np.float32]
    matrix: npt.NDArray[np.float32]

    def to_srgb(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """(H, W, 3) uint8 of the profile's colours -> the same in sRGB."""
        result = np.empty_like(pixels)
        same = bool((self.curves == self.curves[0]).all())
        for top in range(0, len(pixels), ROWS):
            part = pixels[top : top + ROWS]
            if same:
                light = self.curves[0].take(part)
            else:
                light = np.stack([curve.take(part[..., i]) for i, curve in enumerate(self.curves)], axis=-1)
            steps = light.reshape(-1, 3) @ self.matrix
            np.clip(steps, 0, STEPS - 1, out=steps)
            steps += 0.5
            result[top : top + ROWS] = _ENCODE.take(steps.astype(np.uint16)).reshape(part.shape)
        return result


def read(profile: bytes) -> MatrixProfile | None:
    """The matrix and the curves of an RGB profile; None where it has tables of colours instead, or is damaged."""
    if profile[16:20] != b"RGB " or profile[20:24] != b"XYZ ":
        return None
    try:
        tags = _tags(profile)
        if tags.keys() & {b"A2B0", b"A2B1"}:
            return None
        columns = [struct.unpack(">3i", tags[name][8:20]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
        curves = np.stack([_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")])
        matrix = np.linalg.inv(SRGB_PRIMARIES) @ (np.array(columns).T / 65536)
    except (KeyError, struct.error, ValueError, IndexError, np.linalg.LinAlgError):
        return None
    if not (np.isfinite(curves).all() and np.isfinite(matrix).all()):
        return None
    return MatrixProfile(curves.astype(np.float32), np.ascontiguousarray(matrix.T * (STEPS - 1), np.float32))


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    places = [struct.unpack_from(">4sII", profile, 132 + 12 * number) for number in range(min(count, 100))]
    return {name: profile[start : start + size] for name, start, size in places}


def _curve(tag: bytes) -> npt.NDArray[np.float64]:
    """(256,) linear light, 0..1, of the levels 0 to 255."""
    levels = np.linspace(0, 1, 256)
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        values = np.array(struct.unpack_from(f">{count}H", tag, 12))
        if count == 0:
            return levels
        if count == 1:
            return np.asarray(levels ** (values[0] / 256))
        return np.interp(levels, np.linspace(0, 1, count), values / 65535)
    if tag[:4] != b"para":
        raise ValueError("a curve of an unknown type")
    (kind,) = struct.unpack_from(">H", tag, 8)
    numbers = [number / 65536 for number in struct.unpack_from(f">{(1, 3, 4, 5, 7)[kind]}i", tag, 12)]
    g, a, b, c, d, e, f = numbers + [0.0] * (7 - len(numbers))
    if kind == 0:
        return np.asarray(levels**g)
    if kind in (1, 2):  # below -b / a a constant
        return np.asarray(np.where(levels >= -b / a, np.maximum(a * levels + b, 0) ** g + c, c))
    return np.asarray(np.where(levels >= d, np.maximum(a * levels + b, 0) ** g + e, c * levels + f))

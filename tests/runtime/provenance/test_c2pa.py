"""The CBOR that manifests are written in."""

from __future__ import annotations

import contextlib
import struct

from hypothesis import given
from hypothesis import strategies as st

from fauxto.provenance import c2pa
from tests.runtime.provenance.files import cbor

JSON_LIKE = st.recursive(
    st.text(max_size=30) | st.integers(-60_000, 60_000) | st.binary(max_size=30) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner, max_size=5),
    max_leaves=20,
)


@given(JSON_LIKE)
def test_cbor_round_trip(value: object) -> None:
    assert c2pa.loads(cbor(value)) == value


@given(st.binary(max_size=200))
def test_cbor_fails_only_as_it_says(data: bytes) -> None:
    with contextlib.suppress(ValueError, IndexError, struct.error):
        c2pa.loads(data)

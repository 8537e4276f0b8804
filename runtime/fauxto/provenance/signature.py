"""Checking a C2PA manifest's signature, with c2pa-python (extra [provenance])."""

from __future__ import annotations

import io
import json

from fauxto.prediction import Signature


def check_signature(data: bytes) -> Signature:
    """What c2pa-python says of the active manifest's signature and hashes; "unverified" without it."""
    try:
        from c2pa import Reader
    except ImportError:
        return "unverified"
    try:
        with Reader(None, io.BytesIO(data)) as reader:
            results = json.loads(reader.json())["validation_results"]["activeManifest"]
    except Exception:  # what the library cannot read was not checked
        return "unverified"
    failures = {entry["code"] for entry in results["failure"]}
    if failures - {"signingCredential.untrusted", "signingCredential.expired"}:
        return "invalid"
    return "expired" if "signingCredential.expired" in failures else "valid"

"""Checking a C2PA manifest's signature, with c2pa-python (extra [provenance])."""

from __future__ import annotations

import io
import json

from fauxto.prediction import Signature


def check_signature(data: bytes) -> Signature:
    """What c2pa-python says of the active manifest's signature and hashes; "unverified" without it."""
    try:
        from c2pa import Context, Reader, Settings
    except ImportError:  # not installed, or before 0.38, whose reader cannot be kept from the network
        return "unverified"
    try:
        # Otherwise a file could name an address, and reading it would call there.
        offline = Settings.from_dict({"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}})
        with Context(offline) as context, Reader(None, io.BytesIO(data), context=context) as reader:
            results = json.loads(reader.json())["validation_results"]["activeManifest"]
    except Exception:  # what the library cannot read was not checked
        return "unverified"
    failures = {entry["code"] for entry in results["failure"]}
    if failures - {"signingCredential.untrusted", "signingCredential.expired"}:
        return "invalid"
    return "expired" if "signingCredential.expired" in failures else "valid"

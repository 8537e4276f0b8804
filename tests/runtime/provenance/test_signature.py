"""The signature of a manifest: valid, expired, of a changed picture, or not checked. Signed here, by nobody."""

from __future__ import annotations

import datetime as dt
import functools
import io
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

from fauxto.prediction import Declaration
from fauxto.provenance.declaration import declaration
from fauxto.provenance.signature import check_signature
from tests.helpers import encode, make_photo
from tests.runtime.provenance.files import AI, CREATED, app11, jpeg, store

DAY = dt.timedelta(days=1)
OFFLINE = {"verify": {"verify_after_sign": False, "remote_manifest_fetch": False, "ocsp_fetch": False}}
CLAIM = {
    "claim_generator_info": [{"name": "Tester", "version": "1.0"}],
    "title": "made by the tests",
    "assertions": [
        {"label": "c2pa.actions", "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": AI}]}},
    ],
}


def signed(data: bytes, mime: str, not_after: dt.datetime) -> bytes:
    """`data` with a manifest, signed by a certificate of our own that runs out then."""
    c2pa = pytest.importorskip("c2pa")
    if not hasattr(c2pa, "Context"):
        pytest.skip("a c2pa-python before 0.38, which fauxto does not use")
    chain, sign = _signer(not_after)
    signer = c2pa.Signer.from_callback(sign, c2pa.C2paSigningAlg.ES256, chain)
    out = io.BytesIO()
    with c2pa.Context(c2pa.Settings.from_dict(OFFLINE)) as context:
        c2pa.Builder(CLAIM, context=context).sign(signer, mime, io.BytesIO(data), out)
    return out.getvalue()


def _signer(not_after: dt.datetime) -> tuple[str, Any]:
    """(certificates in PEM, what signs bytes) of a new key, by a root that nobody trusts."""
    pytest.importorskip("cryptography")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    sha256 = hashes.SHA256()

    def certificate(name: str, key: Any, until: dt.datetime, is_root: bool) -> bytes:
        def called(word: str) -> Any:
            organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "fauxto's tests")
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, word), organisation])

        usage = dict.fromkeys(
            "content_commitment key_encipherment data_encipherment key_agreement encipher_only decipher_only".split(),  # noqa: SIM905
            False,
        )
        built = (
            x509.CertificateBuilder(called("root"), called(name), key.public_key(), x509.random_serial_number())
            .not_valid_before(not_after - 60 * DAY)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(is_root, None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False)
            .add_extension(
                x509.KeyUsage(digital_signature=True, key_cert_sign=is_root, crl_sign=is_root, **usage), True
            )
        )
        if not is_root:
            built = built.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        return built.sign(root, sha256).public_bytes(serialization.Encoding.PEM)

    def sign(data: bytes) -> bytes:
        r, s = decode_dss_signature(leaf.sign(data, ec.ECDSA(sha256)))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    pem = certificate("signer", leaf, not_after, False) + certificate("root", root, not_after + DAY, True)
    return pem.decode(), sign


@functools.cache
def fresh(format: str) -> bytes:
    """A picture whose signature is valid for a month."""
    soon = dt.datetime.now(dt.UTC) + 30 * DAY
    return signed(encode(make_photo(), format), f"image/{format.lower()}", soon)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_signature_of_an_unchanged_picture_is_valid(format: str) -> None:
    told = declaration(fresh(format))
    assert (told.declared, told.signature) == ("ai", "valid")
    assert str(told) == "declares ai (signature valid): C2PA manifest of Tester 1.0, trainedAlgorithmicMedia"


def test_a_signature_of_a_changed_picture_is_invalid() -> None:
    changed = bytearray(fresh("JPEG"))
    changed[-1000] ^= 1
    assert declaration(bytes(changed)).signature == "invalid"
    name = fresh("JPEG").replace(b"Tester", b"Tasker", 1)
    assert name != fresh("JPEG")
    assert declaration(name).signature == "invalid"


def test_a_certificate_that_ran_out_after_signing_is_told() -> None:
    """Nothing but the certificate's end changes between the two: the library refuses to sign with one that is over."""
    end = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(seconds=5)
    data = signed(encode(make_photo(), "JPEG"), "image/jpeg", end)
    assert check_signature(data) == "valid"
    time.sleep(max(0.0, (end - dt.datetime.now(dt.UTC)).total_seconds()) + 1.5)
    told = declaration(data)
    assert (told.declared, told.signature) == ("ai", "expired")
    assert "signature expired" in str(told)


def test_a_manifest_of_nobody_is_never_valid() -> None:
    assert declaration(jpeg(*app11(store(CREATED)))).signature in ("unverified", "invalid")


def test_a_file_that_is_not_read_to_its_end_is_not_called_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    data = jpeg(*app11(store(CREATED))) + bytes(1000)
    monkeypatch.setattr("fauxto.provenance.declaration.check_signature", lambda _: "invalid")
    for most, signature in ((len(data), "invalid"), (len(data) - 1, "unverified")):
        monkeypatch.setattr("fauxto.provenance.declaration.MAX_FILE", most)
        told = declaration(data)
        assert told == Declaration(declared="ai", by=told.by, signature=signature)  # type: ignore[arg-type]


@pytest.mark.parametrize("found", [None, SimpleNamespace(Reader=object, Settings=object)])
def test_without_a_library_that_stays_offline_nothing_is_checked(
    monkeypatch: pytest.MonkeyPatch, found: object
) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", found)
    assert check_signature(b"anything") == "unverified"


def test_what_the_library_cannot_read_was_not_checked() -> None:
    pytest.importorskip("c2pa")
    assert check_signature(encode(make_photo(), "JPEG")) == "unverified"
    assert check_signature(b"nothing") == "unverified"

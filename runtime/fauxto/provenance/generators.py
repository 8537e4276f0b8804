"""The traces that programs leave in texts, EXIF and XMP. Each is recognised by its structure, not by a name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from xml.parsers import expat

from PIL import ExifTags, Image

from fauxto.image import tiff

MAX_EXIF = MAX_XML = MAX_TEXT = 4 << 20  # bytes, and characters

IPTC_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

# "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, …", the line that AUTOMATIC1111's page and its kin write
WEB_UI = re.compile(r"(?m)^Steps: \d{1,5}, (?=[^\n]{0,2000}\b(?:Sampler|CFG scale|Seed|Model): )")
# InvokeAI's first form: the prompt and its options as on a command line
DREAM = re.compile(r'^".{0,4000}" -s ?\d+ -S ?\d+ -W ?\d+ -H ?\d+', re.DOTALL)


def in_texts(texts: Mapping[str, str]) -> str | None:
    """The generator program that wrote these keyworded texts (of a PNG), or None."""
    found = in_text(texts.get("parameters", ""))
    if found:
        return found
    if _is_comfy_prompt(_json(texts.get("prompt", ""))) or _is_comfy_workflow(_json(texts.get("workflow", ""))):
        return "a ComfyUI workflow"
    for key in ("invokeai_metadata", "sd-metadata"):
        if _json(texts.get(key, "")):
            return "InvokeAI metadata"
    if DREAM.match(texts.get("Dream", "")):
        return "InvokeAI metadata"
    settings = _json(texts.get("Comment", ""))
    if texts.get("Software") == "NovelAI" and {"steps", "sampler"} <= settings.keys():
        return "NovelAI settings"
    return None


def in_text(text: str) -> str | None:
    """The generator program whose settings one text holds, or None."""
    if WEB_UI.search(text[:MAX_TEXT]):
        return "the settings of a Stable Diffusion web UI"
    settings = _json(text)
    if "sui_image_params" in settings:
        return "SwarmUI settings"
    if _is_comfy_prompt(settings) or _is_comfy_workflow(settings):
        return "a ComfyUI workflow"
    if "prompt" in settings and settings.keys() & {"seed", "steps", "sampler", "base_model"}:
        return "the settings of an image generator"
    return None


def in_exif(block: bytes) -> tuple[str | None, str | None]:
    """(generator program, camera) that an EXIF block tells of, each None where it does not."""
    if not block or not tiff.is_bounded(block) or (len(block) > MAX_EXIF and not tiff.is_tiff(block)):
        return None, None
    try:
        exif = Image.Exif()
        exif.load(b"Exif\0\0" + block)
        tags: dict[int, Any] = dict(exif) | dict(exif.get_ifd(ExifTags.IFD.Exif))
    except Exception:  # Pillow answers to damaged blocks with nearly any kind
        return None, None
    make, model = (_plain(tags.get(tag)) for tag in (ExifTags.Base.Make, ExifTags.Base.Model))
    for text in (make, model, _plain(tags.get(ExifTags.Base.ImageDescription))):
        key, _, graph = text.partition(":")  # ComfyUI's own WebP: Make is "workflow:{…}", Model "prompt:{…}"
        if key.lower() in ("workflow", "prompt") and (program := in_text(graph)):
            return program, None
    program = next(filter(None, map(in_text, _comments(tags.get(ExifTags.Base.UserComment)))), None)
    taken = {ExifTags.Base.ExposureTime, ExifTags.Base.FNumber, ExifTags.Base.ISOSpeedRatings} & tags.keys()
    camera = f"{make} {model}"[:100] if make and model and taken else None
    return program, camera


class _DoctypeError(Exception):
    """A document type: XMP has no use for one, bombs do."""


def source_types(xmp: bytes) -> list[str]:
    """IPTC's DigitalSourceType values in an XMP packet, the last part of their URI.

    As an attribute, an element's text, its rdf:resource, or the items of a bag in it, in any encoding of XML.
    """
    text = _xml_text(xmp)
    start, end = text.find("<"), text.rfind(">")  # the packet may be padded
    if start < 0 or len(xmp) > MAX_XML:
        return []
    name, resource = f"{IPTC_EXTENSION} DigitalSourceType", f"{RDF} resource"
    values: list[str] = []
    depth = 0  # of elements within a DigitalSourceType

    def begin(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += depth > 0 or tag == name
        values.append(attributes.get(name, ""))
        values.append(attributes.get(resource, "") if depth else "")
        values.append("")

    def finish(_: str) -> None:
        nonlocal depth
        depth -= depth > 0

    def characters(part: str) -> None:
        if depth:
            values[-1] += part[:1000]

    def refuse(*_: object) -> None:
        raise _DoctypeError

    parser = expat.ParserCreate("utf-8", " ")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = begin, finish, characters
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text[start : end + 1], True)
    except (expat.ExpatError, _DoctypeError, ValueError, LookupError):
        return []
    return [last_part(value) for value in values if value.strip()]


def last_part(uri: str) -> str:
    """The last part of a URI, "trainedAlgorithmicMedia", with or without a slash after it."""
    return uri.strip().rstrip("/").rpartition("/")[2]


def _xml_text(xmp: bytes) -> str:
    """An XMP packet as text. In UTF-16 a zero stands beside its first "<", before it or behind it."""
    place = xmp.find(b"<")
    if place >= 0 and 0 in xmp[max(0, place - 1) : place + 2]:
        return xmp.decode("utf-16-be" if place % 2 else "utf-16-le", "ignore")
    return xmp.decode("utf-8", "ignore")


def _plain(value: Any) -> str:
    return value.strip("\0 ")[:MAX_TEXT] if isinstance(value, str) else ""


def _comments(value: Any) -> list[str]:
    """What EXIF's UserComment may say: eight bytes name its encoding, and nobody keeps to the byte order."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, bytes):
        return []
    code, text = value[:8], value[8:]
    if code == b"UNICODE\0":
        return [text.decode(order, "ignore") for order in ("utf-16-be", "utf-16-le", "utf-8")]
    return [text.decode("utf-8", "replace")]


def _json(text: str) -> dict[str, Any]:
    """`text` as a JSON object; an empty one where it is none."""
    if not text[:2000].lstrip().startswith("{") or len(text) > MAX_TEXT:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _is_comfy_prompt(value: Mapping[str, Any]) -> bool:
    return any(isinstance(node, dict) and {"class_type", "inputs"} <= node.keys() for node in value.values())


def _is_comfy_workflow(value: Mapping[str, Any]) -> bool:
    return isinstance(value.get("nodes"), list) and isinstance(value.get("links"), list)

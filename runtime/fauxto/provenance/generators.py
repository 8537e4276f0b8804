"""The traces that programs leave in texts, EXIF and XMP. Each is recognised by its structure, not by a name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from PIL import ExifTags, Image

MAX_EXIF = 1 << 18  # bytes; a camera's block has at most 64 KiB
MAX_XML = 1 << 20
MAX_JSON = 1 << 20

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
    if WEB_UI.search(text[:MAX_JSON]):
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
    if not block or len(block) > MAX_EXIF:
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
    program = in_text(_comment(tags.get(ExifTags.Base.UserComment)))
    taken = {ExifTags.Base.ExposureTime, ExifTags.Base.FNumber, ExifTags.Base.ISOSpeedRatings} & tags.keys()
    camera = f"{make} {model}"[:100] if make and model and taken else None
    return program, camera


def source_types(xmp: bytes) -> list[str]:
    """IPTC's DigitalSourceType values in an XMP packet, the last part of their URI."""
    start, end = xmp.find(b"<"), xmp.rfind(b">")  # the packet may be padded
    if start < 0 or len(xmp) > MAX_XML or b"<!" in xmp:  # XMP has no use for a document type, bombs do
        return []
    try:
        root = ElementTree.fromstring(xmp[start : end + 1])
    except (ElementTree.ParseError, ValueError, LookupError):
        return []
    name, values = f"{{{IPTC_EXTENSION}}}DigitalSourceType", []
    for element in root.iter():
        values.append(element.get(name, ""))
        if element.tag == name:
            values += [element.text or "", element.get(f"{{{RDF}}}resource", "")]
    return [value.strip().rpartition("/")[2] for value in values if value.strip()]


def _plain(value: Any) -> str:
    return value.strip("\0 ")[:MAX_JSON] if isinstance(value, str) else ""


def _comment(value: Any) -> str:
    """EXIF's UserComment: eight bytes name its encoding."""
    if isinstance(value, str):
        return value
    if not isinstance(value, bytes):
        return ""
    code, text = value[:8], value[8:]
    if code == b"UNICODE\0":
        # The standard says the block's own byte order, programs write either: the more readable one is meant.
        return max((text.decode(order, "ignore") for order in ("utf-16-be", "utf-16-le")), key=_readable)
    return text.decode("utf-8", "replace")


def _readable(text: str) -> int:
    return sum(character.isascii() for character in text[:1000])


def _json(text: str) -> dict[str, Any]:
    """`text` as a JSON object; an empty one where it is none."""
    if not text[:2000].lstrip().startswith("{") or len(text) > MAX_JSON:
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

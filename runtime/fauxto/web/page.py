"""The page: pictures in, verdicts in words out. What it says and what it leaves open is the product."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from fauxto.detector import Detector
from fauxto.errors import FauxtoError
from fauxto.explain import overlay
from fauxto.image.decode import load
from fauxto.image.jpeg import data_uri, jpeg_quality
from fauxto.image.preprocess import scaled_size
from fauxto.model.card import Card
from fauxto.prediction import VERDICTS, WORDS, Declaration, Prediction
from fauxto.reporting.text import chance, measured, share
from fauxto.system import usable_cpus

MAX_FILES = 50  # of one upload
MAX_WAITING = 64  # visitors in the queue
KEEP_SECONDS = 600  # a shown picture, in memory, for its heat map
SHOWN = 1024  # px
FEW_PIXELS, LOW_QUALITY = 512, 50  # px of the short side, JPEG quality: below, the page says so

FONT = ["system-ui", "-apple-system", "Segoe UI", "sans-serif"]
THEME = gr.themes.Default(font=FONT, font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"])
CSS = """
.verdict { padding: .8rem 1rem; border-radius: .6rem; border-left: .5rem solid; }
.verdict.ai { border-color: #c83c14; } .verdict.unsure { border-color: #b8860b; }
.verdict.no_sign { border-color: #8a94a0; } .verdict.error { border-color: #777; }
.verdict h2 { margin: 0 0 .3rem; font-size: 1.5rem; } .verdict p { margin: .4rem 0; }
.chance { font-weight: 600; }
.bar { height: .7rem; border-radius: .35rem; overflow: hidden; background: #8a94a055; }
.bar span { display: block; height: 100%; background: #c83c14; }
.quiet { opacity: .75; font-size: .9rem; }
.shown { max-width: 100%; max-height: 70vh; border-radius: .4rem; margin-top: .8rem; }
.several td:nth-child(2) { white-space: nowrap; } .several td:nth-child(3) { min-width: 8rem; }
.several td, .several th { padding: .3rem .6rem; text-align: left; overflow-wrap: anywhere; }
"""
PASTE = """<script>
document.addEventListener("paste", event => {
  const input = document.querySelector("#files input[type=file]");
  if (!input || !event.clipboardData.files.length) return;
  input.files = event.clipboardData.files;
  input.dispatchEvent(new Event("change", {bubbles: true}));
});
</script>"""  # a picture pasted anywhere on the page goes the way of the dropped ones
HEADLINES = {verdict: word[0].upper() + word[1:] for verdict, word in WORDS.items()} | {"error": "Cannot be read"}
NEVER_PROOF = "A hint, never proof. Do not accuse anyone with it."


@dataclass(frozen=True)
class Shown:
    """What is kept of a picture, in memory: itself, at the size that the model looks at, and its JPEG quality."""

    picture: Image.Image
    quality: int | None


class Answers:
    """What the page's events call. Files below `uploads` are deleted once they are answered."""

    def __init__(self, detector: Detector, uploads: str) -> None:
        self.detector, self.uploads = detector, uploads

    def files(self, paths: list[str] | None, heat: bool) -> tuple[str, str, Shown | None]:
        """The verdict as HTML, the record as JSON, and what is kept of the picture where it is one alone."""
        try:
            if not paths:
                raise FauxtoError("No picture arrived; choose one again.")
            if len(paths) > MAX_FILES:
                raise FauxtoError(f"{len(paths)} pictures at once; {MAX_FILES} is the most.")
            records = list(self.detector.predict_many(paths))
            if len(records) > 1:
                return several(records), as_json(records), None
            shown = show(paths[0], self.detector.card) if records[0].ok else None
            return one(records[0], self.detector, shown, heat), as_json(records), shown
        except FauxtoError as error:
            return problem("Not answered", str(error)), "", None
        finally:
            for path in paths or []:
                if Path(path).is_relative_to(self.uploads):
                    Path(path).unlink(missing_ok=True)

    def uploaded(self, paths: list[str] | None, heat: bool) -> tuple[str, str, Shown | None, None]:
        """`files`, and an empty drop zone for the next."""
        return *self.files(paths, heat), None

    def taken(self, path: str | None, heat: bool) -> tuple[str, str, Shown | None, None]:
        """The same for a picture that was pasted or taken."""
        return self.uploaded([path] if path else None, heat)

    def redrawn(self, shown: Shown | None, record: str | None, heat: bool) -> Any:
        """The last verdict again, as HTML, with or without its heat map."""
        if not (record or "").startswith("{"):
            return gr.skip()  # nothing was asked yet, or several pictures at once
        try:
            return one(parse(record or "", self.detector.card), self.detector, shown, heat)
        except FauxtoError as error:
            return problem("Not answered", str(error))


def make_page(detector: Detector, uploads: str) -> gr.Blocks:
    """The Gradio page over `detector`."""
    answers, examples = Answers(detector, uploads), find_examples()
    with gr.Blocks(title="fauxto", analytics_enabled=False, delete_cache=(60, 120)) as page:
        gr.Markdown(
            "# fauxto\nLooks for signs of AI generation in pictures. Everything runs on this machine: nothing is sent "
            "further, and no picture is kept."
        )
        with gr.Row():
            with gr.Column():
                files = gr.File(
                    label="Drop pictures here, choose or paste some", file_count="multiple", height=170, elem_id="files"
                )
                with gr.Accordion("Take one with the camera", open=False):
                    taken = gr.Image(
                        sources=["webcam", "clipboard"],
                        type="filepath",
                        image_mode=None,  # the very bytes: Gradio would encode them anew
                        show_label=False,
                        height=320,
                        elem_id="taken",
                    )
                if examples:
                    gr.Markdown("Or try an example:")
                with gr.Row(elem_id="examples"):
                    buttons = [gr.Button(path.stem, size="sm", min_width=110) for path in examples]
            with gr.Column():
                result = gr.HTML("<p class='quiet'>The verdict appears here.</p>", elem_id="result")
                heat = gr.Checkbox(label="Show where the evidence lies (a hint, not proof)", elem_id="heat")
                with gr.Accordion("The record, as JSON to copy", open=False):
                    record = gr.Code(language="json", show_label=False, interactive=False, elem_id="record")
        gr.Markdown(f"{about(detector)}\n\nPrograms: `POST /api/predict`, described at [/docs](/docs).")
        shown = gr.State(None, time_to_live=KEEP_SECONDS)
        outputs = [result, record, shown]
        bounds = {"concurrency_limit": usable_cpus(), "concurrency_id": "detector", "api_visibility": "private"}
        files.upload(answers.uploaded, [files, heat], [*outputs, files], **bounds)
        taken.input(answers.taken, [taken, heat], [*outputs, taken], **bounds)
        for button, path in zip(buttons, examples, strict=True):
            button.click(partial(answers.files, [str(path)]), [heat], outputs, **bounds)
        heat.change(answers.redrawn, [shown, record, heat], result, **bounds)
    page.queue(max_size=MAX_WAITING)
    return page


def find_examples() -> list[Path]:
    """The examples of the checkout, or of the wheel; none where they were taken away."""
    here = Path(__file__).parents[1]
    for folder in (here / "examples", here.parents[1] / "examples"):
        if folder.is_dir():
            return sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".png"))
    return []


def show(path: str, card: Card) -> Shown:
    """What the page keeps of a picture. Raises ImageError."""
    image = load(path)
    small = image.resize(scaled_size(image.size, min(SHOWN, card.preprocessing.max_short_side)))
    return Shown(small, jpeg_quality(path))


def one(record: Prediction, detector: Detector, shown: Shown | None, heat: bool) -> str:
    """The answer for one picture, as HTML."""
    if not record.ok:
        return problem(HEADLINES["error"], str(record.error))
    if shown is None:
        raise FauxtoError("The picture is no longer kept; choose it again.")
    assert record.p_ai is not None
    assert record.verdict is not None
    picture = overlay(shown.picture, detector.explain(shown.picture)) if heat else shown.picture
    legend = "<p class='quiet'>Red speaks for AI, blue against it.</p>" if heat else ""
    facts = [f"{record.width} x {record.height} px", *caveats(record, shown.quality, detector.card)]
    return f"""
<div class='verdict {record.verdict}'>
<h2>{HEADLINES[record.verdict]}</h2>
<p>{meaning(record, detector.card)}</p>
{"" if record.reason == "too_small" else bar(record.p_ai)}
<p>The file itself {escape(str(record.declaration or Declaration()))}.</p>
<p class='quiet'>{escape(". ".join(facts))}.</p>
<p><b>{NEVER_PROOF}</b></p>
</div>
<img class='shown' alt='the picture{", with its heat map" if heat else ""}' src='{data_uri(picture, 90)}'>{legend}"""


def bar(p_ai: float) -> str:
    """How likely the picture is AI-generated, in words and as a bar, as HTML."""
    return (
        f"<p class='chance'>{escape(chance(p_ai))}</p>"
        f"<div class='bar' aria-hidden='true'><span style='width:{100 * p_ai:.0f}%'></span></div>"
    )


def parse(text: str, card: Card) -> Prediction:
    """A record that came back from the browser. Raises FauxtoError for one that this page cannot have given."""
    try:
        record = Prediction.from_dict(json.loads(text))
        sizes = isinstance(record.width, int) and isinstance(record.height, int)
        answered = record.verdict in VERDICTS and isinstance(record.p_ai, float) and sizes
        good = answered and record.operating_point in card.operating_points if record.ok else record.verdict is None
    except (ValueError, TypeError, AttributeError):
        good = False
    if not good:
        raise FauxtoError("The record is not one of this page; choose the picture again.")
    return record


def problem(headline: str, what: str) -> str:
    """What went wrong, as HTML."""
    return f"<div class='verdict error'><h2>{headline}</h2><p>{escape(what)}</p></div>"


def several(records: list[Prediction]) -> str:
    """The answers for several pictures, as an HTML table; one that cannot be read is a row like the others."""
    rows = "".join(
        f"<tr><td>{HEADLINES[record.verdict or 'error']}</td>"
        f"<td>{'' if record.p_ai is None or record.reason == 'too_small' else chance(record.p_ai)}</td>"
        f"<td>{escape(Path(record.path or '').name)}</td>"
        f"<td>{escape(record.error or record.declared or '')}</td></tr>"
        for record in records
    )
    return (
        f"<p><b>{NEVER_PROOF}</b></p><table class='several'><tr><th>verdict</th><th>AI</th><th>picture</th>"
        f"<th>declares</th></tr>{rows}</table>"
    )


def meaning(record: Prediction, card: Card) -> str:
    """What the word means, with what was measured on the test split behind it."""
    assert record.operating_point is not None
    test = card.test_point(record.operating_point) or {}
    if record.verdict == "ai":
        said = "Few real photographs score this high, but some do"
        if test.get("fpr") is not None:
            said += f": {share(test['fpr'])} of the {test['n_real']} that the model was tested on"
            if interval := test.get("fpr_interval"):
                said += f" (at most {share(interval[1])}, 95 % interval)"
            said += ", and more where pictures are of another kind"
        return f"{said}. This may be one of them."
    if record.verdict == "no_sign":
        said = (
            "This is no sign of a photograph either: new generators, and edits of real photographs, may score this low"
        )
        if test.get("ai_called_no_sign") is not None:
            said += f", as {share(test['ai_called_no_sign'])} of the {test['n_ai']} AI pictures of the test did"
        return f"{said}."
    if record.reason == "too_small":
        return f"It is too small to say: {card.minimum_short_side} px or more are needed on the short side."
    leaning = "leans to AI" if record.lean == "ai" else "does not lean to AI"
    return f"Its score lies where both kinds are found. It {leaning}."


def caveats(record: Prediction, quality: int | None, card: Card) -> list[str]:
    """What of the picture's size and compression weakens the answer."""
    found, short = [], min(record.width or 0, record.height or 0)
    if short > card.preprocessing.max_short_side:
        found.append(f"Looked at with a short side of {card.preprocessing.max_short_side} px")
    if short < FEW_PIXELS:
        found.append("Small: the more of the original's pixels, the better")
    if quality is not None and quality < LOW_QUALITY:
        found.append(f"Strongly compressed (JPEG quality about {quality}): an earlier copy would say more")
    return found


def about(detector: Detector) -> str:
    """Model, provider, and what it did on its test split."""
    point = detector.operating_point.name
    model = f"Model {detector.card.release} (`{detector.model_sha256[:12]}`)"
    said = f"{model} on {detector.provider}, operating point `{point}`"
    if told := measured(detector.card.test_point(point)):
        said += f". On its test, {told}"
    return f"{said}. Not for drawings, renderings or screenshots."


def as_json(records: list[Prediction]) -> str:
    """The record, or several in a list, as the command line writes them, without the server's own paths."""
    plain = [record.to_dict() | {"path": Path(record.path or "").name} for record in records]
    return json.dumps(plain if len(plain) > 1 else plain[0], indent=2)

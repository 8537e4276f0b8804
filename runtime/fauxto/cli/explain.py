"""fauxto explain: a heat map of one picture."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from fauxto.cli.output import as_text
from fauxto.cli.parser import add_running, add_second_opinion
from fauxto.cli.streams import Output, read_input, refuse_overwriting
from fauxto.errors import ImageError, OutputError
from fauxto.prediction import FusedPrediction, Prediction
from fauxto.progress import tell


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Draw where in a picture the signs of AI lie: red speaks for ai, blue against it. It shows what moved the "
        "model, not what is fake. With --second-opinion the map is still the first network's, which alone tells places "
        "apart; the answer of both, and the logit of each, is said on standard error."
    )
    parser.epilog = "example: fauxto explain photo.jpg -o heat.png"
    parser.add_argument("path", metavar="PATH", help="one picture, or - for standard input")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="heat map to write, in the format of its suffix, as PNG without one; a file that is there is replaced "
        "once the map is whole",
    )
    parser.add_argument(
        "--as",
        dest="kind",
        choices=("overlay", "map", "array"),
        default="overlay",
        help="draw over the picture (overlay), the map alone (map), or save log-odds as .npy, (H, W) float32 (array) "
        "(default: overlay)",
    )
    add_running(parser)
    add_second_opinion(parser)


def run(args: argparse.Namespace) -> int:
    """Write the heat map of one picture."""
    import numpy as np
    from PIL import Image

    from fauxto.detector import Detector
    from fauxto.explain import bare, overlay
    from fauxto.image.decode import load

    refuse_overwriting(args.output, [args.path])
    Image.init()
    suffix = args.output.suffix.lower()
    written_as = Image.registered_extensions().get(suffix) if suffix else "PNG"
    if args.kind != "array" and written_as not in Image.SAVE:
        raise OutputError(f"{args.output}: pictures cannot be written as '{suffix}'; choose a name that ends in .png")
    try:
        image = load(read_input() if args.path == "-" else args.path)
    except ImageError as error:
        raise ImageError(error.reason, args.path) from None
    with Output(args.output, binary=True) as output:
        detector = Detector(
            args.model, provider=args.provider, variant=args.variant, second_opinion=args.second_opinion
        )
        heat = detector.explain(image)
        if args.second_opinion:
            tell(_of_both(detector.predict(image, name=args.path)))
        data = io.BytesIO()
        if args.kind == "array":
            np.save(data, heat)
        else:
            try:
                (overlay(image, heat) if args.kind == "overlay" else bare(heat)).save(data, written_as)
            except (OSError, ValueError) as error:  # JPEG ends at 65,500 px, say
                raise OutputError(f"{args.output}: cannot be written ({error}); choose another format") from None
        output.write(data.getvalue())
    return 0


def _of_both(record: Prediction) -> str:
    """The answer with a second opinion, and what each network says alone: logits, above 0 for ai."""
    assert isinstance(record, FusedPrediction)
    logits = (("pixels", record.logit_pixels), ("scene", record.logit_scene), ("both", record.logit))
    told = ", ".join(f"{name} {logit:+.2f}" for name, logit in logits if logit is not None)
    return f"{as_text(record)}; logits: {told}"

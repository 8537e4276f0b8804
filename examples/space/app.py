"""A demonstration for a Hugging Face Space: a picture in, both probabilities out. For real use: `fauxto web`."""

import os
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before the import: Gradio reports to its makers otherwise

import gradio as gr

import fauxto

HERE = Path(fauxto.__file__).parent
PICTURES = sorted(HERE.glob("examples/*.[jp][pn]g")) or sorted(HERE.parents[1].glob("examples/*.[jp][pn]g"))

detector = fauxto.Detector()


def classify(path: str) -> dict[str, float]:
    """The probabilities of one picture, each 0 to 1."""
    try:
        p_ai = detector.predict(path, strict=True).p_ai
    except fauxto.ImageError as error:
        raise gr.Error(error.reason) from None
    return {"AI": p_ai, "not AI": 1 - p_ai}


demo = gr.Interface(
    classify,
    gr.Image(type="filepath", image_mode=None, label="Picture"),  # None: the very bytes, not encoded anew
    gr.Label(label="A hint, never proof"),
    examples=[[str(path)] for path in PICTURES],
    cache_examples=False,
    flagging_mode="never",
    title="fauxto",
)

if __name__ == "__main__":
    demo.launch()

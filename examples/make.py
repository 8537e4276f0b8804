"""Make the example pictures again: pip install scikit-image random-face openvino; python examples/make.py

The faces come from the generator inside random-face (MobileStyleGAN), run directly through OpenVINO: the
package's own code asks for an OpenVINO interface that is gone.
"""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import openvino
from PIL import Image

HERE = Path(__file__).parent
PHOTOS = {"astronaut.png": "photo-astronaut.png", "chelsea.png": "photo-cat.png", "coffee.png": "photo-coffee.png"}
SEEDS = (3, 7, 11)
TRUNCATION = 0.6  # how far a face may be from the mean face: the nearer, the fewer accidents


def package(name: str) -> Path:
    """Folder of an installed package, without importing it."""
    return Path(importlib.util.find_spec(name).submodule_search_locations[0])


def copy_photos() -> None:
    """Photographs as scikit-image ships them, byte for byte."""
    for name, target in PHOTOS.items():
        shutil.copyfile(package("skimage") / "data" / name, HERE / target)


def make_faces() -> None:
    """One seeded face for each of SEEDS."""
    core = openvino.Core()
    data = package("random_face") / "data"
    mapping = core.read_model(data / "MappingNetwork.xml")
    mapping.reshape([-1, mapping.input(0).partial_shape[1].get_length()])
    to_style = core.compile_model(mapping, "CPU")
    to_picture = core.compile_model(core.read_model(data / "SynthesisNetwork.xml"), "CPU")
    width = mapping.input(0).partial_shape[1].get_length()
    mean = to_style([np.random.RandomState(0).randn(4096, width).astype(np.float32)])[0].mean(axis=0, keepdims=True)
    for seed in SEEDS:
        style = to_style([np.random.RandomState(seed).randn(1, width).astype(np.float32)])[0]
        picture = to_picture([mean + TRUNCATION * (style - mean)])[0][0]
        pixels = np.clip((picture.transpose(1, 2, 0) + 1) * 127.5, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(HERE / f"ai-face-{seed}.jpg", quality=92)


if __name__ == "__main__":
    copy_photos()
    make_faces()

"""The peers. Each is built in a process of its own, and only there are its packages imported."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fauxto.image.decode import keep_memory, load
from fauxto.image.preprocess import pool, prepare
from fauxto.inference.openvino import import_openvino
from fauxto.model.card import REFERENCE, Card
from fauxto.model.model import Model
from fauxto.system import usable_cpus

SECOND = "fauxto, second opinion"

Crop = npt.NDArray[np.float32]
"""(1, 3, S, S), normalised."""


@dataclass
class Peer:
    """What a peer can be timed at.

    Attributes:
        logit: a crop -> its logit: the scope "model", and the check that it computes the same.
        preprocess: a picture's path -> the model's input.
        picture: a picture's path -> its answer, decoding included.
        alone: whether the network is timed by itself too.
        pooled: whether `picture` gives the pooled logit of all the card's crops; else it looks at one crop only.
        kept: what must live as long as the peer.
    """

    logit: Callable[[Crop], float]
    preprocess: Callable[[str], Any] | None = None
    picture: Callable[[str], Any] | None = None
    alone: bool = True
    pooled: bool = False
    kept: list[Any] = field(default_factory=list)


def build(name: str) -> Peer:
    """A peer by name. Raises ImportError or any error of its package: the race then leaves it out with a word."""
    model = Model.open()
    kind, _, variant = name.partition(" ")
    if kind == "fauxto":
        return _fauxto(variant.removesuffix(" again"))
    if name == SECOND:
        return _second()
    path, _ = model.file(model.card.variants[REFERENCE].file)
    return PEERS[name](path, model.card)


def _fauxto(variant: str) -> Peer:
    from fauxto.detector import Detector

    keep_memory()  # as the command line does
    detector = Detector(provider="cpu", variant=variant)
    return Peer(
        logit=lambda crop: float(detector.session.run(crop)[0]),
        preprocess=lambda path: prepare(load(path), detector.card.preprocessing),
        picture=lambda path: detector.predict(path, strict=True).logit,
        pooled=True,
    )


def _second() -> Peer:
    """Ours as the command line runs it, with the second opinion, whose answer is no logit of the first network."""
    from fauxto.detector import Detector

    keep_memory()
    detector = Detector(provider="cpu", second_opinion=True)
    return Peer(
        logit=lambda crop: float(detector.session.run(crop)[0]),
        picture=lambda path: detector.predict(path, strict=True),
        alone=False,  # its first network is in the race already
        pooled=True,
    )


def _torch(model: Path, card: Card, compiled: bool = False) -> Peer:
    import torch

    from export.weights import network

    torch.set_num_threads(usable_cpus())
    net: Any = network(model)
    if compiled:
        net = torch.compile(net)

    def logit(crop: Crop) -> float:
        return float(net(torch.from_numpy(crop))[0, 0])

    preprocess = partial(_torchvision_crops, card=card)

    def picture(path: str) -> float:
        logits = net(preprocess(path))[:, 0].numpy()
        return float(pool(logits[None], card.preprocessing)[0])

    return Peer(logit, preprocess, picture, pooled=True)


def _torchvision_crops(path: str, card: Card) -> Any:
    """The card's rule as it is written with torchvision: resize the whole picture, then cut the crops out."""
    import torch
    from PIL import Image
    from torchvision.transforms.v2 import functional as ops

    from fauxto.image.preprocess import offset, scaled_size

    rule = card.preprocessing
    image = Image.open(path).convert("RGB")
    width, height = scaled_size(image.size, rule.max_short_side)
    if image.size != (width, height):
        image = ops.resize(image, [height, width], interpolation=ops.InterpolationMode(rule.filter))
    size = rule.crop_size
    crops = [
        ops.crop(image, offset(fy, height - size), offset(fx, width - size), size, size) for fx, fy in rule.positions
    ]
    tensors = [ops.to_dtype(ops.pil_to_tensor(crop), torch.float32, scale=True) for crop in crops]
    return ops.normalize(torch.stack(tensors), list(rule.mean), list(rule.std))


def _openvino(model: Path, _: Card, settings: dict[str, str] | None = None) -> Peer:
    openvino = import_openvino()
    threads = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": str(usable_cpus())}
    compiled = openvino.Core().compile_model(str(model), "CPU", threads | (settings or {}))
    return Peer(lambda crop: float(compiled(crop)["logit"][0]))


def _openvino_int8(_: Path, card: Card) -> Peer:
    """The very file that CPUs get here, on OpenVINO."""
    path, _digest = Model.open().file(card.variants["int8"].file)
    return _openvino(path, card)


def _ncnn(model: Path, card: Card) -> Peer:
    import ncnn

    scratch = tempfile.TemporaryDirectory(prefix="benchmarks-ncnn-")
    # The conversion needs torch: in a process of its own, so that this one's memory is ncnn's.
    conversion = multiprocessing.get_context("spawn").Process(
        target=_convert_ncnn, args=(model, card.preprocessing.crop_size, scratch.name)
    )
    conversion.start()
    conversion.join()
    if conversion.exitcode:
        raise ImportError("the conversion failed; it needs pnnx and torch")
    net = ncnn.Net()
    net.opt.num_threads = usable_cpus()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.load_param(f"{scratch.name}/net.ncnn.param")
    net.load_model(f"{scratch.name}/net.ncnn.bin")

    def logit(crop: Crop) -> float:
        extractor = net.create_extractor()
        extractor.input("in0", ncnn.Mat(np.ascontiguousarray(crop[0])))
        _, out = extractor.extract("out0")
        return float(np.array(out).ravel()[0])

    return Peer(logit, kept=[scratch])


def _convert_ncnn(model: Path, size: int, folder: str) -> None:
    import pnnx
    import torch

    from export.weights import network

    pnnx.export(network(model), f"{folder}/net.pt", torch.zeros(1, 3, size, size), fp16=False)


def _executorch(model: Path, card: Card) -> Peer:
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower
    from executorch.runtime import Runtime

    from export.weights import network

    size = card.preprocessing.crop_size
    program = torch.export.export(network(model), (torch.zeros(1, 3, size, size),))
    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()]).to_executorch()
    loaded = Runtime.get().load_program(lowered.buffer)
    method = loaded.load_method("forward")
    return Peer(lambda crop: float(method.execute([torch.from_numpy(crop)])[0][0, 0]), kept=[lowered, loaded])


def _litert(model: Path, card: Card) -> Peer:
    import litert_torch
    import torch

    from export.weights import network

    size = card.preprocessing.crop_size
    converted = litert_torch.convert(network(model), (torch.zeros(1, 3, size, size),))
    return Peer(lambda crop: float(np.ravel(converted(crop))[0]))


def _transformers(model: Path, card: Card) -> Peer:
    """pipeline("image-classification"), as its documentation calls it: one crop, resized and cut by itself."""
    import torch
    from transformers import ConvNextImageProcessor, ResNetConfig, pipeline
    from transformers.modeling_outputs import ImageClassifierOutputWithNoAttention
    from transformers.models.resnet.modeling_resnet import ResNetPreTrainedModel

    from export.weights import network

    torch.set_num_threads(usable_cpus())
    rule = card.preprocessing

    class Network(ResNetPreTrainedModel):  # type: ignore[misc, unused-ignore]  # untyped, or not installed
        """Our weights behind the library's interface."""

        def __init__(self, config: ResNetConfig) -> None:
            super().__init__(config)
            self.net = network(model)
            self.post_init()

        def forward(self, pixel_values: Any = None, **_: Any) -> Any:
            logit = self.net(pixel_values)
            return ImageClassifierOutputWithNoAttention(logits=torch.cat([-logit / 2, logit / 2], 1))

        def _init_weights(self, module: Any) -> None:
            """The weights are there already."""

    config = ResNetConfig(num_labels=2, id2label={0: "real", 1: "ai"}, label2id={"real": 0, "ai": 1})
    processor = ConvNextImageProcessor(
        size={"shortest_edge": rule.crop_size}, crop_pct=224 / 256, image_mean=rule.mean, image_std=rule.std
    )
    whole = Network(config).eval()
    pipe = pipeline("image-classification", model=whole, image_processor=processor, device="cpu")
    return Peer(lambda crop: float(whole.net(torch.from_numpy(crop))[0, 0]), picture=pipe)


def _fastai(model: Path, card: Card) -> Peer:
    """learn.predict, as its documentation calls it: one crop, resized and cut by itself."""
    import torch
    from fastai.vision.all import (
        CategoryBlock,
        DataBlock,
        ImageBlock,
        Learner,
        Normalize,
        RandomSplitter,
        Resize,
    )
    from PIL import Image
    from torch import nn

    from export.weights import network

    torch.set_num_threads(usable_cpus())
    rule = card.preprocessing
    net = network(model)

    class TwoClasses(nn.Module):
        """learn.predict wants a logit for each class."""

        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, crops: Any) -> Any:
            logit = self.net(crops)
            return torch.cat([-logit / 2, logit / 2], 1)

    scratch = tempfile.TemporaryDirectory(prefix="benchmarks-fastai-")
    for number in range(4):
        Image.new("RGB", (256, 256)).save(Path(scratch.name) / f"{'ai' if number % 2 else 'real'}-{number}.png")
    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock(vocab=["real", "ai"])),
        splitter=RandomSplitter(0.5, seed=0),
        get_y=lambda path: path.name.partition("-")[0],
        item_tfms=Resize(rule.crop_size),
        batch_tfms=Normalize.from_stats(rule.mean, rule.std, cuda=False),
    )
    loaders = block.dataloaders(sorted(Path(scratch.name).glob("*.png")), bs=1, num_workers=0, device="cpu")
    learn = Learner(loaders, TwoClasses(), loss_func=nn.CrossEntropyLoss())

    def picture(path: str) -> Any:
        with learn.no_bar(), learn.no_logging():
            return learn.predict(path)

    def logit(crop: Crop) -> float:
        return float(net(torch.from_numpy(crop))[0, 0])

    return Peer(logit, picture=picture, kept=[scratch])


PEERS: dict[str, Callable[[Path, Card], Peer]] = {
    "torch eager": _torch,
    "torch compiled": partial(_torch, compiled=True),
    "OpenVINO f32": partial(_openvino, settings={"INFERENCE_PRECISION_HINT": "f32"}),
    "OpenVINO default": _openvino,
    "OpenVINO int8": _openvino_int8,
    "ncnn": _ncnn,
    "ExecuTorch XNNPACK": _executorch,
    "LiteRT": _litert,
    "transformers pipeline": _transformers,
    "fastai learn.predict": _fastai,
}

"""Community Forensics' ViT-S of 384 px (Park and Owens 2025, arXiv 2411.04125), from a checkpoint on this machine.

Preprocessing and architecture as in github.com/JeongsooP/Community-Forensics, models.py: short side 440 px by
torchvision's bilinear scaling, the middle 384 px, ImageNet's mean and std, one logit. Its checkpoint holds timm's
"vit_small_patch16_384"; torchvision's VisionTransformer is the same network under other names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision.models import VisionTransformer
from torchvision.transforms.v2 import functional as ops

from fauxto.errors import FauxtoError
from fauxto.image.decode import load

SHORT_SIDE, CROP = 440, 384
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
THRESHOLD = 0.5

NAMES = (
    (r"^(module\.|model\.)*(vit\.)?", ""),
    (r"^cls_token$", "class_token"),
    (r"^pos_embed$", "encoder.pos_embedding"),
    (r"^patch_embed\.proj\.", "conv_proj."),
    (r"^blocks\.(\d+)\.", r"encoder.layers.encoder_layer_\1."),
    (r"\.norm([12])\.", r".ln_\1."),
    (r"\.attn\.qkv\.", ".self_attention.in_proj_"),
    (r"\.attn\.proj\.", ".self_attention.out_proj."),
    (r"\.mlp\.fc1\.", ".mlp.0."),
    (r"\.mlp\.fc2\.", ".mlp.3."),
    (r"^norm\.", "encoder.ln."),
    (r"^head\.", "heads.head."),
)
"""From timm's names to torchvision's, one after the other."""


def network() -> VisionTransformer:
    """The architecture, with random weights."""
    return VisionTransformer(
        image_size=CROP, patch_size=16, num_layers=12, num_heads=6, hidden_dim=384, mlp_dim=1536, num_classes=1,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
    )  # fmt: skip


def renamed(state: Mapping[str, Any]) -> dict[str, Any]:
    """A checkpoint with torchvision's names."""
    found = {}
    for name, values in state.items():
        new = name
        for pattern, by in NAMES:
            new = re.sub(pattern, by, new)
        found[new] = values
    return found


def load_network(file: Path) -> VisionTransformer:
    """The network of a checkpoint, .safetensors or what torch.save has written. No code in it is run.

    Raises:
        FauxtoError: it is not that network.
        OSError: it cannot be read.
    """
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        state = load_file(file)
    else:
        state = torch.load(file, map_location="cpu", weights_only=True)
        state = next((state[key] for key in ("model", "state_dict") if isinstance(state.get(key), Mapping)), state)
    net = network()
    try:
        net.load_state_dict(renamed(state))
    except RuntimeError as error:
        raise FauxtoError(f"{file}: no checkpoint of Community Forensics' ViT-S, 384 px ({error})") from None
    return net.eval()


@torch.inference_mode()
def probability(net: VisionTransformer, path: str) -> float:
    """The probability that a picture is AI-generated. Raises ImageError for one that cannot be read."""
    image = ops.center_crop(ops.resize(load(path), [SHORT_SIDE], antialias=True), [CROP])
    tensor = ops.normalize(ops.to_dtype(ops.pil_to_tensor(image), torch.float32, scale=True), MEAN, STD)
    return float(net(tensor[None])[0, 0].sigmoid())

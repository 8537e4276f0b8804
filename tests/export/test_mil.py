"""The interpreter's own arithmetic, where a wrong one would still look right."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from export.mil import OPERATIONS


@given(bits=st.sampled_from([1, 2, 4, 6, 8]), count=st.integers(1, 60), seed=st.integers(0, 99))
def test_palettes_are_unpacked_from_the_lowest_bit(bits: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    indices = rng.integers(0, 2**bits, count)
    whole = sum(int(index) << (bits * place) for place, index in enumerate(indices))
    packed = np.frombuffer(whole.to_bytes((count * bits + 7) // 8, "little"), np.uint8)
    lut = torch.from_numpy(rng.normal(size=2**bits).astype(np.float32))
    found = OPERATIONS["constexpr_lut_to_dense"]({"lut": lut, "indices": packed, "shape": [count]})
    assert (found == lut[torch.from_numpy(indices)]).all()


def test_a_convolution_pads_where_it_says() -> None:
    x, weight = torch.randn(1, 2, 5, 5), torch.randn(3, 2, 3, 3)
    common = {"x": x, "weight": weight, "strides": [1, 1], "dilations": [1, 1], "groups": 1}
    padded = OPERATIONS["conv"](common | {"pad_type": "custom", "pad": [1, 1, 1, 1]})
    valid = OPERATIONS["conv"](common | {"pad_type": "valid"})
    assert padded.shape[2:] == (5, 5)
    assert torch.allclose(padded[:, :, 1:-1, 1:-1], valid, atol=1e-5)

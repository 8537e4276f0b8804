"""train.augment's way of a picture, for a whole batch at once, on the device that trains.

The steps, their order and their odds are those of augment.py, and so are the pixels, to about a grey level: Pillow's
filters as matrices, libjpeg's arithmetic without its integer shortcuts. WebP alone cannot be had this way: see
resident.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch.nn.functional import avg_pool2d, interpolate

from train import augment as odds

LUMA = (0.299, 0.587, 0.114)
FILTERS = ("box", "bilinear", "bicubic", "lanczos")
WIDEST = 3  # px, half the support of the widest filter
BLOCK = 8  # px, side of a JPEG block

# The example tables of ITU-T T.81, annex K, which libjpeg scales by the quality.
LUMA_TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMA_TABLE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8 for _ in range(4)),
)


class Dice:
    """Random numbers for each picture of a batch. Twins, a photograph and its reconstruction, throw the same.

    They are thrown on the CPU, so that it knows which pictures a step is for without waiting for the device. `twin`
    (B,) int64 on the CPU: whose numbers each picture takes; its own position for most.
    """

    def __init__(self, generator: torch.Generator, twin: torch.Tensor, device: torch.device | str) -> None:
        self.generator, self.twin, self.device = generator, twin, device

    def uniform(self, low: float, high: float) -> torch.Tensor:
        """(B,) float32 on the device, uniform in [low, high)."""
        return (low + (high - low) * self._thrown()).to(self.device, non_blocking=True)

    def chance(self, p: float) -> torch.Tensor:
        """(B,) bool on the CPU, true with probability p."""
        return self._thrown() < p

    def _thrown(self) -> torch.Tensor:
        return torch.rand(len(self.twin), generator=self.generator)[self.twin]


def augment(frames: torch.Tensor, sizes: torch.Tensor, size: int, dice: Dice) -> torch.Tensor:
    """Pictures -> one training crop of each.

    `frames` (B, 3, F, F) uint8, each with its picture at the top left; `sizes` (B, 2) int64, height and width of it.
    Returns (B, 3, size, size) float32 of whole numbers in 0..255.
    """
    region = math.ceil((size + odds.MARGIN) / (2 * BLOCK)) * 2 * BLOCK
    pictures = rescaled_region(frames, sizes, region, dice)
    change_some(pictures, dice.chance(odds.P_BLUR), blur, dice.uniform(*odds.BLUR))
    factors = [dice.uniform(*odds.JITTER) for _ in range(3)]
    change_some(pictures, dice.chance(odds.P_COLOUR), jitter, *factors, dice.uniform(0, 1))
    change_some(pictures, dice.chance(odds.P_NOISE), add_noise, dice.uniform(*odds.NOISE))
    saved = dice.chance(odds.P_CODEC)
    for again in (saved, saved & dice.chance(odds.P_SECOND_CODEC)):
        quality = dice.uniform(odds.QUALITY[0], odds.QUALITY[1] + 1).floor()
        half_chroma = dice.chance(odds.SUBSAMPLINGS.count(2) / len(odds.SUBSAMPLINGS))
        change_some(pictures, again & half_chroma, half_chroma_jpeg, quality)
        change_some(pictures, again & ~half_chroma, jpeg, quality)
    return cut(pictures, size, dice)


def change_some(
    pictures: torch.Tensor, where: torch.Tensor, step: Callable[..., torch.Tensor], *parameters: torch.Tensor
) -> None:
    """Put those pictures `where` (B,) through a step, with their own rows of its parameters. In place."""
    index = where.nonzero()[:, 0].to(pictures.device, non_blocking=True)
    if len(index):
        pictures[index] = step(pictures[index], *(values[index] for values in parameters))


def rescaled_region(frames: torch.Tensor, sizes: torch.Tensor, region: int, dice: Dice) -> torch.Tensor:
    """A random square of each picture at native size, or scaled, as augment.rescaled_region: (B, 3, region, region)."""
    needed = region / sizes.amin(1)
    low, high = map(math.log, odds.SCALE)
    draw, scale = dice.uniform(0, 1), dice.uniform(low, high).exp()
    scale = torch.where(draw < odds.P_NATIVE + odds.P_THUMBNAIL, needed, scale)
    scale = torch.where(draw < odds.P_NATIVE, 1.0, scale)
    scale = torch.maximum(scale, needed.clamp(max=1))  # never smaller than the crop needs
    return resample(frames, sizes, scale, region, dice)


def resample(frames: torch.Tensor, sizes: torch.Tensor, scale: torch.Tensor, region: int, dice: Dice) -> torch.Tensor:
    """A random square of each picture, scaled by `scale` (B,) with a random filter, antialiased as in Pillow.

    What lies outside of a picture is its mirror image. Returns (B, 3, region, region) of whole numbers.
    """
    filters = dice.uniform(0, len(FILTERS)).floor()
    offsets = []
    for axis in (0, 1):
        free = sizes[:, axis] - region / scale
        offsets.append(torch.where(free > 0, (dice.uniform(0, 1) * (free + 1).floor()).floor(), free / 2))
    side = frames.shape[-1]
    rows, columns = (filter_matrix(sizes[:, axis], scale, offsets[axis], filters, region, side) for axis in (0, 1))
    pixels = frames.to(rows.dtype)
    across = whole(pixels.flatten(1, 2) @ columns.mT).unflatten(1, (3, side))
    return whole(rows[:, None] @ across).float()


def filter_matrix(
    length: torch.Tensor, scale: torch.Tensor, start: torch.Tensor, filters: torch.Tensor, region: int, side: int
) -> torch.Tensor:
    """(B, region, side): what each pixel of a row of a frame gives to each pixel of the scaled row.

    `length` (B,) px of the frame's row that are picture; `start` (B,) where on it the scaled row begins. The
    arithmetic is that of Pillow's Resample.c: the filter widens by as much as the picture shrinks.
    """
    widen = (1 / scale).clamp(min=1)
    centres = start[:, None] + (torch.arange(region, device=scale.device) + 0.5) / scale[:, None]
    reach = math.ceil(WIDEST * max(1.0, side / region)) + 1
    taps = centres.floor()[..., None] + torch.arange(-reach, reach + 1, device=scale.device)
    weights = kernel((taps + 0.5 - centres[..., None]) / widen[:, None, None], filters[:, None, None])
    weights = weights / weights.sum(-1, keepdim=True)
    index = taps.long() % (2 * length[:, None, None])
    index = torch.minimum(index, 2 * length[:, None, None] - 1 - index)  # mirrored, edge pixel included
    dtype = torch.float16 if scale.is_cuda else torch.float32
    matrix = torch.zeros(len(scale), region, side, device=scale.device)
    return matrix.scatter_add_(2, index, weights).to(dtype)


def kernel(x: torch.Tensor, filters: torch.Tensor) -> torch.Tensor:
    """Pillow's filters at distance x; `filters` holds positions in FILTERS."""
    a = x.abs()
    box = ((x > -0.5) & (x <= 0.5)).float()
    bilinear = (1 - a).clamp(min=0)
    near, far = (1.5 * a - 2.5) * a * a + 1, ((-0.5 * a + 2.5) * a - 4) * a + 2  # Keys 1981, a = -0.5
    bicubic = torch.where(a < 1, near, torch.where(a < 2, far, 0.0))
    lanczos = torch.where(a < 3, torch.sinc(x) * torch.sinc(x / 3), 0.0)
    value = box
    for number, other in enumerate((bilinear, bicubic, lanczos), start=1):
        value = torch.where(filters == number, other, value)
    return value


def blur(pictures: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Gaussian blur of `sigma` (B,) px."""
    side = pictures.shape[-1]
    place = torch.arange(side, device=pictures.device)
    apart = (place[:, None] - place).float()
    matrix = torch.exp(-0.5 * (apart / sigma[:, None, None]) ** 2)
    matrix = (matrix / matrix.sum(2, keepdim=True))[:, None]
    return whole(matrix @ pictures @ matrix.mT)


def jitter(
    pictures: torch.Tensor, brightness: torch.Tensor, contrast: torch.Tensor, colour: torch.Tensor, draw: torch.Tensor
) -> torch.Tensor:
    """Change brightness, contrast and saturation by a factor (B,) each; no colour at all where `draw` (B,) is low."""
    colour = torch.where(draw < odds.P_GREY / odds.P_COLOUR, 0.0, colour)
    pictures = whole(pictures * each(brightness))
    middle = grey(pictures).mean((2, 3), keepdim=True)
    pictures = whole(middle + (pictures - middle) * each(contrast))
    plain = grey(pictures)
    return whole(plain + (pictures - plain) * each(colour))


def add_noise(pictures: torch.Tensor, deviation: torch.Tensor) -> torch.Tensor:
    """Gaussian noise of a standard deviation (B,) in grey levels."""
    return whole(pictures + torch.randn_like(pictures) * each(deviation))


def grey(pictures: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) -> (B, 1, H, W) luma of whole numbers."""
    weights = torch.tensor(LUMA, device=pictures.device)[:, None, None]
    return (pictures * weights).sum(1, keepdim=True).round()


def half_chroma_jpeg(pictures: torch.Tensor, quality: torch.Tensor) -> torch.Tensor:
    """As jpeg, with the chroma at half the size (4:2:0)."""
    return jpeg(pictures, quality, chroma_scale=2)


def jpeg(pictures: torch.Tensor, quality: torch.Tensor, chroma_scale: int = 1) -> torch.Tensor:
    """One round of baseline JPEG at `quality` (B,). Sides must be multiples of 16.

    The steps of ITU-T T.81 and JFIF, as libjpeg takes them: whole numbers after the change of colours, chroma as the
    mean of 2 x 2 pixels where it is made smaller, and made larger again by the triangle filter.
    """
    red, green, blue = pictures.unbind(1)
    luma = quantise(grey(pictures), quality, LUMA_TABLE)[:, 0]
    chroma = torch.stack(
        [
            -0.168735892 * red - 0.331264108 * green + 0.5 * blue + 128,
            0.5 * red - 0.418687589 * green - 0.081312411 * blue + 128,
        ],
        1,
    ).round()
    if chroma_scale == 1:
        chroma = quantise(chroma, quality, CHROMA_TABLE)
    else:
        small = quantise(avg_pool2d(chroma, chroma_scale).round(), quality, CHROMA_TABLE)
        chroma = interpolate(small, scale_factor=chroma_scale, mode="bilinear").round()
    cb, cr = (chroma - 128).unbind(1)
    return whole(torch.stack([luma + 1.402 * cr, luma - 0.344136286 * cb - 0.714136286 * cr, luma + 1.772 * cb], 1))


def quantise(planes: torch.Tensor, quality: torch.Tensor, table: tuple[tuple[int, ...], ...]) -> torch.Tensor:
    """(B, C, H, W) -> the same after the cosine transform of 8 x 8 blocks, rounding to the table's steps, and back."""
    percent = torch.where(quality < 50, (5000 / quality).floor(), 200 - 2 * quality)[:, None]
    steps = torch.tensor(table, device=planes.device, dtype=torch.float32).flatten()
    steps = ((steps * percent + 50) / 100).floor().clamp(1, 255)[:, None]
    place = torch.arange(BLOCK, device=planes.device, dtype=torch.float32)
    cosines = torch.cos((2 * place + 1) * place[:, None] * math.pi / (2 * BLOCK)) / 2
    cosines[0] /= math.sqrt(2)
    transform = torch.kron(cosines, cosines)  # of a block's 64 pixels at once
    batch, channels, height, width = planes.shape
    blocks = planes.reshape(batch, channels, height // BLOCK, BLOCK, width // BLOCK, BLOCK).transpose(3, 4)
    waves = (blocks.reshape(batch, -1, BLOCK * BLOCK) - 128) @ transform.T
    rounded = ((waves / steps).round() * steps) @ transform + 128
    return whole(rounded.reshape(blocks.shape).transpose(3, 4).reshape(planes.shape))


def cut(pictures: torch.Tensor, size: int, dice: Dice) -> torch.Tensor:
    """A random size x size part of each picture, mirrored left to right in half of them."""
    room = pictures.shape[-1] - size + 1
    place = torch.arange(size, device=pictures.device)
    rows, columns = ((dice.uniform(0, room).floor().long())[:, None] + place for _ in range(2))
    columns = torch.where(dice.uniform(0, 1)[:, None] < 0.5, columns.flip(1), columns)
    index = torch.arange(len(pictures), device=pictures.device)[:, None, None]
    return pictures.permute(0, 2, 3, 1)[index, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)


def each(values: torch.Tensor) -> torch.Tensor:
    """(B,) -> (B, 1, 1, 1): one value for all of a picture."""
    return values[:, None, None, None]


def whole(pictures: torch.Tensor) -> torch.Tensor:
    """Whole numbers in 0..255, as a picture's bytes are."""
    return pictures.round().clamp(0, 255)

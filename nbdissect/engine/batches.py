"""From samples to the batches that a model takes."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from nbdissect.engine.preprocessing import Normalize
from nbdissect.user_code import call_user_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from PIL import Image

_T = TypeVar("_T")
_R = TypeVar("_R")


class Batcher:
    """Loads images and makes batches of them.

    Parameters
    ----------
    transform : callable
        PIL image → tensor [channels, height, width]. A :class:`Normalize` is applied to whole batches.
    device, dtype
        Where the batch goes, and the dtype that the model takes; None: as the transform gives it.
    channels_last : bool
        Lay batches out so that the convolutions of every device like them best. A model that takes
        views of its input's memory may not stand it.
    """

    def __init__(
        self,
        transform: Callable[[Image.Image], Any],
        device: torch.device,
        dtype: torch.dtype | None,
        *,
        channels_last: bool = True,
    ) -> None:
        self._transform = transform
        self._layout = torch.channels_last if channels_last else torch.contiguous_format
        self._device = device
        self._dtype = dtype

    def load(self, image: Image.Image, index: int) -> Any:
        """Prepare image number `index`; may run in any thread.

        Raises
        ------
        ValueError
            If the transform gives anything but a tensor [channels, height, width].
        """
        if isinstance(self._transform, Normalize):
            return self._transform.pixels(image)
        made = call_user_code(lambda: self._transform(image), f"Image {index}: transform=")
        if not isinstance(made, torch.Tensor) or made.ndim != 3 or not made.is_floating_point():
            what = (
                f"a {str(made.dtype)[6:]} tensor of shape {list(made.shape)}"
                if isinstance(made, torch.Tensor)
                else f"a {type(made).__name__}"
            )
            hint = "torchvision.transforms.ToTensor() makes one of a PIL image."
            if isinstance(made, torch.Tensor) and made.ndim > 3:
                hint = "For a network of video or of several views, make its input of the batch in forward=."
            raise ValueError(
                f"transform gave {what} for image {index}; it must give a float tensor of shape [channels, height, width]. "
                + hint
            )
        return made

    def batch(self, loaded: Sequence[Any], images: Sequence[int]) -> torch.Tensor:
        """Return loaded images as one batch [B, channels, height, width]."""
        shapes = {tuple(item.shape) for item in loaded}
        if len(shapes) > 1:
            odd = next(k for k, item in enumerate(loaded) if item.shape != loaded[0].shape)
            raise ValueError(
                f"transform gave shape {list(loaded[odd].shape)} for image {images[odd]} but {list(loaded[0].shape)} for image {images[0]}; "
                "all images must come out in one shape. Resize them in the transform."
            )
        if isinstance(self._transform, Normalize):
            pixels = torch.from_numpy(np.stack(loaded)).to(self._device)
            batch = self._transform.finish(pixels).to(self._dtype or torch.float32)
        else:
            batch = torch.stack(list(loaded)).to(self._device, self._dtype)
        return batch.contiguous(memory_format=self._layout)


def prefetch(function: Callable[[_T], _R], items: Iterable[_T], workers: int) -> Iterator[_R]:
    """Yield ``function(item)`` in order, computed up to two items per worker ahead in threads; 0 = when asked for.

    Threads, not processes: decoding releases the interpreter lock, nothing has to be pickled, and
    a transform or data set that was defined in a notebook cell works everywhere.
    """
    if workers < 1:
        yield from map(function, items)
        return
    rest = iter(items)
    with ThreadPoolExecutor(workers, thread_name_prefix="nbdissect") as pool:
        pending = deque(pool.submit(function, item) for item in islice(rest, 2 * workers))
        try:
            while pending:
                result = pending.popleft().result()
                pending.extend(pool.submit(function, item) for item in islice(rest, 1))
                yield result
        finally:
            for future in pending:
                future.cancel()

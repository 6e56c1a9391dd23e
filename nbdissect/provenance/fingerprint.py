"""What a dissection is made from: its provenance, and the key under which a cache holds it."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import torch

from nbdissect._version import __version__
from nbdissect.engine.wrappers import find_layers
from nbdissect.notices import warn
from nbdissect.provenance.deviations import deviations
from nbdissect.provenance.model_digest import code_digest, output_digest, weights_digest
from nbdissect.results.provenance import ANCHORED, UPSAMPLING, Provenance
from nbdissect.text import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbdissect.engine.config import RunConfig
    from nbdissect.engine.probe import Probe
    from nbdissect.provenance.data_digest import DigestingDataset
    from nbdissect.types import Concept


class Fingerprint:
    """What a dissection is made from, and how.

    Parameters
    ----------
    model, config
    data : DigestingDataset
    concepts : sequence of Concept
    transform : callable
    probe : Probe
    """

    def __init__(
        self,
        model: torch.nn.Module,
        data: DigestingDataset,
        concepts: Sequence[Concept],
        config: RunConfig,
        transform: Callable[[Any], Any],
        probe: Probe,
    ) -> None:
        self.data = data
        self._model, self._concepts, self._config = model, concepts, config
        self._transform, self._probe = transform, probe
        self._weights = weights_digest(model)
        self._dtype = str(probe.dtype).removeprefix("torch.")
        self._date = datetime.now(timezone.utc).isoformat(timespec="seconds")

    def make_provenance(self, layer: str, *, data: bool = True) -> Provenance:
        """Return what made the result of one layer; if `data`, the images that were not read yet are read for their digest."""
        kind = type(self._model)
        return Provenance(
            nbdissect=__version__,
            torch=torch.__version__,
            semantics=self._config.semantics,
            upsampling=self._describe_upsampling(layer),
            layer=layer,
            quantile=self._config.quantile,
            categories=tuple(self.data.original.categories),
            transform=describe(self._transform),
            model=f"{kind.__module__}.{kind.__qualname__}",
            weights=self._weights,
            data=self._data_digest() if data else "",
            dtype=self._dtype,
            device=str(self._config.device),
            date=self._date,
            credit=str(getattr(self.data.original, "credit", "")),
            licence=str(getattr(self.data.original, "licence", "")),
            output="; ".join(f"{name}: {describe(pick)}" for name, pick in self._picks(layer).items()),
            forward=self._describe_forward(),
            protocol=self._config.protocol,
            deviations=self._deviations(layer),
        )

    def _describe_upsampling(self, layer: str) -> str:
        """In words; with receptive fields those of the layer, of all layers where that is empty."""
        fields = {name: field for name, field in self._probe.fields.items() if layer in ("", name)}
        if not fields:
            return UPSAMPLING
        return f"{ANCHORED}; {'; '.join(str(field) if name == layer else f'{name}: {field}' for name, field in fields.items())}"

    def _deviations(self, layer: str) -> tuple[str, ...]:
        """What differs from the study whose protocol is followed; nothing of a run over all layers, for its key."""
        if not (self._config.protocol and layer):
            return ()
        module = find_layers(self._model, [layer])[layer]
        shapes = {self.data[index].shape for index in self._config.probes}
        transform: Any = self._transform
        return tuple(deviations(layer, module, transform, self.data.original, self._probe.fields[layer], shapes))

    def _describe_forward(self) -> str:
        """Name and code of ``forward=``: all lambdas have one name."""
        forward = self._config.forward
        return "" if forward is None else f"{describe(forward)}, code {code_digest([forward])[:12]}"

    def _picks(self, layer: str) -> dict[str, Any]:
        """What `output=` says of a layer, of all layers where that is empty."""
        return {name: pick for name, pick in (self._config.output or {}).items() if layer in ("", name)}

    def _data_digest(self) -> str:
        try:
            return self.data.digest()
        except (
            Exception
        ) as error:  # of the user's data set; the run is over, and its result is worth more than its digest
            warn(f"The record of this result leaves out the data set's digest: {error}")
            return ""

    def compute_key(self, *, data: bool = True) -> str:
        """Return the digest of everything that determines the result, the images and labels aside if not `data`.

        That is: weights, buffers, data, transform and settings; the code of the model's classes; and what
        transform and layers give for three of the images, which changes with anything in the network.
        """
        if data:
            self.data.digest()  # raises here, if anywhere
        config, images = self._config, self._config.images
        given = config.given_thresholds
        forward = [config.forward] if config.forward is not None else []
        parts = {
            **{
                name: value
                for name, value in self.make_provenance("", data=data).to_json().items()
                # What is left out where it is empty keeps the keys of runs without it.
                if name not in ("date", "deviations") and (name != "protocol" or value)
            },
            "layers": list(config.layers),
            "images": [int(index) for index in images],
            "concepts": [list(concept) for concept in self._concepts],
            "top": int(config.top),
            "batch_size": int(config.batch_size),
            "per_image": config.per_image,
            "thresholds": None if given is None else {name: array.tobytes().hex() for name, array in given.items()},
            "modules": describe(self._model),
            "code": code_digest(
                [*self._model.modules(), self._transform, *filter(callable, self._picks("").values()), *forward]
            ),
            "outputs": output_digest(
                self._model,
                config.layers,
                self._probe.batcher(self._transform, config.device),
                [(index, self.data[index].image) for index in config.probes],
                config.device,
                config.forward,
            ),
        }
        text = json.dumps(parts, sort_keys=True, default=str)
        return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()

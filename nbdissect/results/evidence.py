"""What a dissection can say of how far its labels are to be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbdissect.results.layer_scores import LayerScores

if TYPE_CHECKING:
    import torch

    from nbdissect.results.confidence import Confidence
    from nbdissect.studies.verification import Verification


class Evidence(LayerScores):
    """The counts of one layer, and what tells how far its labels are to be trusted."""

    def confidence(self, level: float = 0.9, resamples: int = 200, seed: int = 0) -> Confidence:
        """Return how sure the IoUs and the labels are, had other images been drawn (``per_image=True`` only).

        Parameters
        ----------
        level : float
            Share of such draws for which an interval, or a set, is right.
        resamples, seed : int
            How many bootstrap samples of the images the sets come from, and with which random numbers.

        Returns
        -------
        Confidence
            ``low`` and ``high``, float64 [U, C]: θ ± t √Var of the ratio θ = I / U by the delta method, with
            Student's t for the `effective_images`, float64 [U, C]; ``sets``: per unit a tuple of concept numbers.
            Below 5 effective images the level isn't reached, and ``describe(unit)`` says so.

        Raises
        ------
        ValueError
            If the dissection kept no counts per image, or an argument makes no sense.

        Examples
        --------
        >>> sure = d.confidence()  # doctest: +SKIP
        >>> sure.describe(89)  # doctest: +SKIP
        'car or truck (90 %), IoU 0.118 to 0.241 on 31 images'
        """
        from nbdissect.results.confidence import confidence

        return confidence(self, level, resamples, seed)

    def verify(
        self,
        model: torch.nn.Module,
        data: Any,
        *,
        transform: Any = None,
        forward: Any = None,
        output: Any = None,
        device: Any = None,
        progress: Any = True,
    ) -> Verification:
        """Return how the labels do on other images, with the same thresholds.

        A label is the best of many concepts on the images that it was chosen by, so its IoU is flattered. On images
        that played no part in the choice it is not.

        Parameters
        ----------
        model : torch.nn.Module
            The network that was dissected.
        data : data set or path
            Other images, with labels of the same names.
        transform, forward, output, device, progress : optional
            As for :func:`nbdissect.dissect`; give those that the run was given.

        Returns
        -------
        Verification
            ``.iou`` float64 [U], of each unit's label there; ``.kept`` bool [U], whether it is the best concept there,
            too; ``.rows`` by category.

        Raises
        ------
        ValueError
            If the weights are others, the run's transform can't be told from its record, or no label is among the
            concepts of the other data.

        Examples
        --------
        >>> d.verify(model, nd.Broden(path)[1000:])  # doctest: +SKIP
        """
        from nbdissect.studies.verification import verify

        options = {"transform": transform, "forward": forward, "output": output, "device": device}
        return verify(self, model, data, progress=progress, **options)

"""Labeled images: readers of data sets, and the choice of the data set for a call.

In: a path, or an object with the members of `nbdissect.types.ConceptData`. Out: samples with image, masks and labels.
An error in a file names file, line and column, before anything is counted.
Called by `api`, `layer_table` and `magic`.
"""

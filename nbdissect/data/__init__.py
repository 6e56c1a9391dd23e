"""Labeled images: readers of data sets, and which data set a call means.

In: a path, or an object with the members of `nbdissect.types.ConceptData`. Out: samples with image, masks and labels.
Whatever is wrong with a file is named by file, line and column before anything is counted.
Called by `api`, `layer_table` and `magic`.
"""

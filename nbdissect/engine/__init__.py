"""From images to counts: hooks, batches, thresholds, cells of the maps, pixels.

In: a model, batches of images, labels. Out: thresholds, strongest images, pixels that masks and concepts share.
Torch and numpy only: nothing here opens a user's file or shows anything.
Called by `runner`, `provenance` and `layer_table`.
"""

"""What was found: counts, scores, units, and the files that hold them.

In: arrays of counts (from `runner`), or a file. Out: `Dissection`, CSV, archives.
Numpy only: a result opens without torch, the network or the data.
Called by everything above; its methods that show something are one line each.
"""

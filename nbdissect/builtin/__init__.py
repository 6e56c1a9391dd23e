"""What comes with the package: a network with its weights, drawn and labeled images, names of colors.

In: nothing. Out: `demo()`, the network and the drawings.
Called by `data` (the default data set) and by users.
"""

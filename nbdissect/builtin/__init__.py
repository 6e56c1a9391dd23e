"""What the package brings along: a network, its weights, a drawn and labeled world, names of colors.

In: nothing. Out: `demo()`, the network with its drawings.
Called by `data` (the default data set) and by users.
"""

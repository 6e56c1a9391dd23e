"""Weights from files that other people saved, put into a network of the user's.

In: a model, and a file as torch, safetensors, Lightning or TorchScript write it. Out: the model with the file's
tensors in it, by name and shape, and a report of what was found where; or an error, and the model as it was.
No code out of a file is run. `checkpoint_loading` is the door; `file_kinds` tells what a file is, `safetensors_files`,
`torch_files` and `script_archives` read it, `state_dicts` finds the named tensors in it, `matching` their places.
Called by the user, as `nbdissect.load_checkpoint`.
"""

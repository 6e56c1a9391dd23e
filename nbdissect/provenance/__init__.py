"""What made a result, and whether a kept one still holds.

In: model, data, transform and settings. Out: digests, the record that a result carries, the key of cache and checkpoint.
`fingerprint` combines what `model_digest` and `data_digest` compute; `cache` keeps results under its key.
The record itself is plain data that goes into files with the numbers: `results.provenance`.
Called by `runner`.
"""

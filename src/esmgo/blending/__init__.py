"""Fitting the blend of the evidence sources of a caller, and the novelty of proteins.

`esmgo.blending.blending` fits both on calibration proteins, which training held out, and stores
them in the checkpoint. `esmgo.predict` uses them.
"""

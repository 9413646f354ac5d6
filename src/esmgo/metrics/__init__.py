"""How good calls are: sums over proteins that add up over blocks and machines."""

"""The yardstick: labelled scenes, and how well the detector does on them."""

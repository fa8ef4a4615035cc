"""The page Detector: live pictures, masks and zones, and settings on trial."""

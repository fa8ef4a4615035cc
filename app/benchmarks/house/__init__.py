"""`bench --house`: what the whole suite costs, beside Motion, ffmpeg and a bare decoder."""

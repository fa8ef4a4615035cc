"""A fake of picamera2's devices; without hailo_platform there is no `Hailo`, as in the real one."""

from importlib import import_module

Hailo = import_module("picamera2.devices.hailo").Hailo
hailo_architecture = import_module("picamera2.devices.hailo").hailo_architecture
IMX500 = import_module("picamera2.devices.imx500").IMX500

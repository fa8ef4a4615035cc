#!/bin/sh
# Prints the processor's temperature, for Glances.
if temperature=$(vcgencmd measure_temp 2>/dev/null); then
    echo "${temperature#temp=}"
elif read -r millidegrees 2>/dev/null </sys/class/thermal/thermal_zone0/temp; then
    echo "$((millidegrees / 1000)).$((millidegrees % 1000 / 100))'C"
else
    echo "no sensor"
fi

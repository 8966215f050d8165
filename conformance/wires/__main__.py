"""Starts the fake vendors by hand: python3 -m wires"""
import time

from . import ALL

for kind in ALL:
    vendor = kind()
    print(f"{vendor.word}: {vendor.base_url}, key {vendor.key}", flush=True)
while True:
    time.sleep(3600)

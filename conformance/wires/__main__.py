"""Starts the fake vendors by hand: python3 -m wires"""
import threading

from . import ALL

for kind in ALL:
    vendor = kind()
    print(f"{vendor.word}: {vendor.base_url}, key {vendor.key}", flush=True)
threading.Event().wait()

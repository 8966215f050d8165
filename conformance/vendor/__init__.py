"""The judge vendor: `Vendor()` starts it, `.url` is where it listens, `.ledger` what it saw."""
from . import server
from .api import Api


class Vendor(server.Vendor):
    def __init__(self) -> None:
        super().__init__(Api())

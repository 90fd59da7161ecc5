"""For tests: `Harness` and `SyncHarness` for your own consumers, `LayerHarness` for the suite to make layers."""

from __future__ import annotations

from seaway.conformance.harness.blocking import SyncHarness
from seaway.conformance.harness.clock import Clock
from seaway.conformance.harness.harness import Harness
from seaway.conformance.harness.http import Request, Response
from seaway.conformance.harness.layer_harness import HOOKS, BrokerAction, LayerHarness, LinkAction
from seaway.conformance.harness.limits import Limits
from seaway.conformance.harness.websocket import Accepted, Close, WebSocket

__all__ = [
    "HOOKS",
    "Accepted",
    "BrokerAction",
    "Clock",
    "Close",
    "Harness",
    "LayerHarness",
    "Limits",
    "LinkAction",
    "Request",
    "Response",
    "SyncHarness",
    "WebSocket",
]

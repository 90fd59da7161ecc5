"""Ports that the server suite gives to its servers: two runs at once must not talk to each other's."""

from __future__ import annotations

import subprocess
import sys

import pytest

from seaway.conformance.serving import command


def test_a_port_is_given_once_though_its_server_does_not_listen_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """As another process sees it: that is where the other runs are."""
    few = list({command.free_port() for _ in range(10)})[:2]
    monkeypatch.setattr(command, "_PORTS", few)
    port, keeper = command.reserved_port()
    other = f"from seaway.conformance.serving import command\ncommand._PORTS = {few}\nprint(command.reserved_port()[0])"

    with keeper:
        found = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, check=True, timeout=60)

    assert {port, int(found.stdout)} == set(few)


def test_a_port_whose_run_is_over_is_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_PORTS", [command.free_port()])
    first, keeper = command.reserved_port()
    keeper.close()
    second, keeper = command.reserved_port()
    keeper.close()
    assert first == second

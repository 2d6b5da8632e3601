"""Tests are given ports that no other test is given (ports.py)."""
import os
import socket
import subprocess
import sys

import ports
import pytest
import server as serving


def test_no_port_is_handed_out_twice():
    """Nobody listens yet, as when two servers are configured to know each other before the first is started."""
    given = [serving.free_offset() for _ in range(20)]
    all_ports = [offset + port for offset in given for port in [*serving.PORTS.values(), 80, 443]] + ports.free_ports(50)
    assert len(set(all_ports)) == len(all_ports)


def test_nor_by_another_run():
    [port] = ports.free_ports(1)
    code = "import ports; print(ports._reserve(%d, '127.0.0.1'))" % port
    r = subprocess.run([sys.executable, "-c", code], cwd=os.path.dirname(ports.__file__), stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    assert r.stdout.strip() == "None"


def test_a_port_that_is_listened_at_is_none(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
        monkeypatch.setattr(ports, "FIRST", port)
        with pytest.raises(RuntimeError):
            ports.free([0], last=port)

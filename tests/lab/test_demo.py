"""The first thing that a newcomer runs: tools/demo ends well, says what it saw, and leaves nothing behind. Needs root."""
import os
import re
import subprocess

import pytest
from lab_support import LABS, ROOT


def test_the_demo_balances_real_connections_and_cleans_up():
    if os.path.exists(os.path.join(LABS, "demo")):
        pytest.skip("a lab of that name stands: tools/lab down --name demo")
    result = subprocess.run([ROOT / "tools" / "demo"], check=False, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr
    total = re.search(r"(\d+) connections, (\d+) failed; every answer", result.stdout)
    assert total, result.stdout
    assert int(total[1]) > 1000 and total[2] == "0"
    assert not os.path.exists(os.path.join(LABS, "demo"))

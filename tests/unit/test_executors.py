"""Where a sweep computes: what is not there is said in one line, a limit of time holds, nobody reserves twice."""

import subprocess
import sys
import time

import pytest

from attention_atlas import cli, executors
from attention_atlas.reservations import Reservations


def test_without_distributed_one_line_says_how_to_install_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert cli.main(["sweep", "recency", "--dask", "tcp://127.0.0.1:1"]) == 2
    said = capsys.readouterr().err
    assert said == "error: --dask needs the package distributed: pip install -c constraints.txt distributed\n"


def test_a_sweep_on_this_machine_does_not_load_distributed():
    code = "import sys, attention_atlas.sweep; print('distributed' in sys.modules or 'dask' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


@pytest.mark.parametrize("address", ["here", "tcp://here", "tcp://:1", "http://here:1", "tcp://here:many"])
def test_what_is_no_address_is_refused(address):
    pytest.importorskip("distributed")
    with pytest.raises(ValueError, match=f"--dask takes an address such as tcp://10.0.0.1:8786, got '{address}'"):
        executors.dask(address).__enter__()


@pytest.mark.parametrize("device", ["", "gpu", "cpu:0", "cuda:", "cuda:x", "cuda:-1"])
def test_a_device_that_is_none_is_refused(device):
    with pytest.raises(ValueError, match=f"--device takes cpu, cuda or cuda:N, got '{device}'"):
        executors.check_device(device, here=False)


def test_a_block_that_takes_too_long_is_left_and_the_next_one_is_not_disturbed():
    with pytest.raises(TimeoutError), executors.at_most(0.05):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            time.sleep(0.01)
    with executors.at_most(0.05):
        pass
    time.sleep(0.1)  # were the limit still on, it would strike here
    with executors.at_most(None):
        pass


OTHER = (
    "import sys; from pathlib import Path; from attention_atlas.reservations import Reservations\n"
    "with Reservations(Path(sys.argv[1])) as reservations:\n"
    "    print(*map(reservations.take, sys.argv[2:]), flush=True)\n"
    "    sys.stdin.read()"
)


@pytest.mark.skipif(executors.os.name != "posix", reason="locks are those of POSIX")
def test_what_one_process_has_no_other_gets_until_it_gives_it_back_or_dies(tmp_path):
    one, two = "00f3a9c2b1d4e5f6", "ffffffffffffffff"

    def other(*keys: str) -> subprocess.Popen:
        command = [sys.executable, "-c", OTHER, str(tmp_path), *keys]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    with Reservations(tmp_path) as reservations:
        assert reservations.take(one)
        process = other(one, two)
        assert process.stdout.readline() == "False True\n"
        assert not reservations.take(two)
        process.kill()
        process.communicate()
        assert reservations.take(two)
        reservations.give(one)
        process = other(one, two)
        assert process.communicate("")[0] == "True False\n"
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]

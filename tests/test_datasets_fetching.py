"""Files fetched from a real host on this machine that is slow, cuts off, lies, changes its mind or is not there."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from autoloop_kernel.datasets.fetching import FetchError, fetch

pytest_plugins = ["dataset_host"]
CONTENT = random.Random(5).randbytes(700_000)
CUT = 200_000


@pytest.fixture
def got(host, tmp_path):
    """Fetches the host's file, quickly where it has to wait; gives what lies there then."""
    host.files["/text.bin"] = CONTENT

    def get(**changes):
        target = tmp_path / "cache" / "text.bin"
        fetch(f"{host.url}/text.bin", target, **{"wait_s": 0.01, **changes})
        assert [path.name for path in target.parent.iterdir()] == ["text.bin"], "nothing else is left"
        return target.read_bytes()

    return get


def left(tmp_path):
    return sorted(path.name for path in (tmp_path / "cache").iterdir())


def test_a_file_comes_as_it_is_and_is_asked_for_once(host, got):
    heard = []
    assert got(progress=lambda here, whole: heard.append((here, whole))) == CONTENT
    assert heard[-1] == (len(CONTENT), len(CONTENT))
    assert [here for here, _ in heard] == sorted(here for here, _ in heard)
    assert got() == CONTENT
    assert len(host.seen) == 1


def test_a_cut_connection_goes_on_where_it_stopped(host, got):
    host.cuts = [CUT, CUT, None]
    assert got() == CONTENT
    assert host.seen == [
        ("/text.bin", None, 200),
        ("/text.bin", f"bytes={CUT}-", 206),
        ("/text.bin", f"bytes={2 * CUT}-", 206),
    ]


def test_as_long_as_something_comes_it_does_not_give_up(host, got):
    host.cuts = [70_000] * 9
    assert got(attempts=2) == CONTENT


def test_another_process_goes_on_where_a_killed_one_stopped(host, got, tmp_path):
    host.pause_s = 0.1
    code = "import sys; from pathlib import Path; from autoloop_kernel.datasets.fetching import fetch\n"
    code += "fetch(sys.argv[1], Path(sys.argv[2]))"
    target = tmp_path / "cache" / "text.bin"
    part = target.with_name("text.bin.part")
    with subprocess.Popen([sys.executable, "-c", code, f"{host.url}/text.bin", str(target)]) as process:
        until = time.monotonic() + 60
        while not (part.exists() and part.stat().st_size > 100_000) and time.monotonic() < until:
            time.sleep(0.01)
        with pytest.raises(FetchError, match="written by another process"):
            got()
        os.kill(process.pid, signal.SIGKILL)
    assert not target.exists()
    here = part.stat().st_size
    assert 0 < here < len(CONTENT)
    host.pause_s = 0.0
    assert got() == CONTENT
    assert host.seen[-1] == ("/text.bin", f"bytes={here}-", 206)


def test_a_host_without_ranges_is_asked_for_all_again(host, got):
    host.ranges = False
    host.cuts = [CUT]
    assert got() == CONTENT
    assert [status for *_, status in host.seen] == [200, 200]


def test_without_a_mark_of_the_version_nothing_is_put_together(host, got):
    host.tags = False
    host.cuts = [CUT]
    assert got() == CONTENT
    assert [asked for _, asked, _ in host.seen] == [None, None]


def test_a_file_that_changes_between_is_never_a_mixture(host, got, tmp_path):
    host.cuts = [CUT]
    with pytest.raises(FetchError, match=r"broke off after 200000 of 700000 bytes; 0\.2 MB are kept"):
        got(attempts=1)
    assert left(tmp_path) == ["text.bin.part", "text.bin.part.json"]
    host.files["/text.bin"] = changed = random.Random(6).randbytes(650_000)
    assert got() == changed
    assert host.seen[-1] == ("/text.bin", f"bytes={CUT}-", 200)


def test_a_part_longer_than_what_lies_there_now_is_thrown_away(host, got, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "text.bin.part").write_bytes(bytes(len(CONTENT) + 9))
    tag = f'"v-{hashlib.sha256(CONTENT).hexdigest()[:10]}"'
    notes = {"url": f"{host.url}/text.bin", "mark": tag}
    (tmp_path / "cache" / "text.bin.part.json").write_text(json.dumps(notes))
    assert got() == CONTENT
    assert [status for *_, status in host.seen] == [416, 200]


@pytest.mark.parametrize("linked", [True, False])
def test_wrong_bytes_are_found_out_where_the_host_states_a_checksum(host, got, linked):
    host.linked, host.wrong = linked, 1
    assert (got() == CONTENT) is linked
    assert len([path for path, *_ in host.seen if path.startswith("/store")]) == (2 if linked else 0)


def test_bytes_that_stay_wrong_are_refused_and_not_kept(host, got, tmp_path):
    host.linked, host.stated = True, "0" * 64
    with pytest.raises(FetchError, match=r"came twice with a wrong checksum \(SHA-256 should be 000000000000…\)"):
        got()
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("status", "says"), [(404, "is not to be had (404"), (410, "(410"), (403, "may not be read (403)")]
)
def test_what_is_not_there_is_said_at_once(host, got, tmp_path, status, says):
    host.statuses = [status]
    with pytest.raises(FetchError) as caught:
        got()
    assert says in str(caught.value)
    assert len(host.seen) == 1
    assert left(tmp_path) == []


def test_a_busy_host_is_asked_again(host, got):
    host.statuses = [503, 429, 500]
    assert got() == CONTENT
    assert [status for *_, status in host.seen] == [503, 429, 500, 200]


def test_a_host_that_stays_busy_is_given_up(host, got, tmp_path):
    host.statuses = [503] * 9
    with pytest.raises(FetchError, match=r"127\.0\.0\.1:\d+ answers 503; try again later"):
        got(attempts=3)
    assert len(host.seen) == 3
    assert left(tmp_path) == []


def test_a_slow_host_is_waited_for_and_a_silent_one_is_not(host, got, tmp_path):
    host.pause_s = 0.05
    assert got(silence_s=20.0) == CONTENT
    (tmp_path / "cache" / "text.bin").unlink()
    host.pause_s = 5.0
    with pytest.raises(FetchError, match=r"breaks off \((The read operation )?timed out\)"):
        got(silence_s=0.2, attempts=1)
    assert "text.bin" not in left(tmp_path)


def test_without_a_network_one_line_says_so(host, tmp_path):
    host.close()
    host.server.server_close()
    with pytest.raises(FetchError) as caught:
        fetch(f"{host.url}/text.bin", tmp_path / "cache" / "text.bin", wait_s=0.01)
    assert str(caught.value).endswith("cannot be reached (Connection refused); try again later")
    assert left(tmp_path) == []

"""Real worker processes, here and behind a dask scheduler, some of which are killed: every job is reported once."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
import sample_jobs

from tinyml_labs.grading.workers.worker_pool import Certificates, WorkersDoNotStart, run_jobs

pytestmark = [pytest.mark.loud, pytest.mark.skipif(os.name == "nt", reason="kill -9 is of POSIX")]


@pytest.fixture(scope="module")
def distributed():
    """dask.distributed, which is an extra."""
    if os.environ.get("CI") == "true":
        import distributed
    else:
        distributed = pytest.importorskip("distributed", reason="dask.distributed is in the extra [cluster]")
    return distributed


@pytest.fixture(scope="module")
def cluster(distributed):
    """Two worker processes under nannies, and a scheduler."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=True, dashboard_address=":0", silence_logs="CRITICAL"
    ) as cluster:
        yield cluster


@pytest.fixture(params=["this machine", pytest.param("a cluster", marks=pytest.mark.slow)])
def place(request):
    """Where the jobs are done: arguments for `run_jobs`."""
    if request.param == "this machine":
        return {"workers": 2}
    return {"scheduler": request.getfixturevalue("cluster").scheduler_address}


def run(work, jobs, **settings):
    reports = []
    run_jobs(work, jobs, on_done=reports.append, **settings)
    return reports


def test_each_job_is_reported_once_with_its_own_result(place):
    reports = run(sample_jobs.square, range(30), **place)
    assert sorted(report.number for report in reports) == list(range(30))
    assert all(report.outcome == "done" and report.tries == 1 for report in reports)
    assert all(report.job == report.number and report.result[0] == report.job**2 for report in reports)
    assert len({report.result[1] for report in reports}) == 2, "both workers work, and stay"
    assert os.getpid() not in {report.result[1] for report in reports}


def test_200_jobs_with_a_worker_killed_on_the_way_are_all_reported_and_none_twice(place):
    reports = []

    def on_done(report):
        reports.append(report)
        if len(reports) in (40, 41, 120):
            os.kill(report.result[1], signal.SIGKILL)

    run_jobs(sample_jobs.square, range(200), on_done=on_done, **place)
    counts = Counter(report.number for report in reports)
    assert counts == Counter(range(200))
    assert {report.outcome for report in reports} == {"done"}
    assert all(report.result[0] == report.job**2 for report in reports)
    assert len({report.result[1] for report in reports}) >= 4, "dead workers were replaced"


def test_a_poison_job_costs_only_itself(place):
    reports = run(sample_jobs.poison, range(40), **place)
    assert Counter(report.number for report in reports) == Counter(range(40))
    lost = [report for report in reports if report.outcome != "done"]
    assert [(report.job, report.outcome, report.tries) for report in lost] == [(13, "lost", 2)]
    assert "ended" in lost[0].message or "left" in lost[0].message


def test_a_job_whose_worker_died_is_done_again_alone(place, tmp_path):
    jobs = [(str(tmp_path), number) for number in range(12)]
    reports = run(sample_jobs.dies_in_company, jobs, **place)
    assert {report.number: report.outcome for report in reports} == dict.fromkeys(range(12), "done")
    again = [report.number for report in reports if report.tries == 2]
    assert 5 in again
    times = {int(p.stem): tuple(map(float, p.read_text().split())) for p in tmp_path.glob("*.times")}
    begin, end = times.pop(5)
    assert len(times) == 11
    assert all(e <= begin or b >= end for b, e in times.values()), "something ran beside it"


@pytest.mark.slow
def test_what_a_job_does_wrong_is_its_own(place):
    jobs = ["raises", "fine", "leaves", "gives what cannot be sent", "exits", "hangs", "fine"]
    reports = {report.number: report for report in run(sample_jobs.misbehaves, jobs, job_seconds=4, **place)}
    assert [reports[n].outcome for n in range(7)] == ["failed", "done", "failed", "failed", "lost", "lost", "done"]
    assert "a bug of the grader" in reports[0].message
    assert "misbehaves" in reports[0].message  # where it was
    assert "SystemExit" in reports[2].message
    assert "cannot pickle" in reports[3].message
    assert "took longer than 4 s" in reports[5].message
    assert reports[5].tries == 2


def test_a_job_that_cannot_be_sent_fails_alone(place):
    reports = {r.number: r for r in run(sample_jobs.keep, [1, sample_jobs.CannotBePickled(), "x"], **place)}
    assert [reports[n].outcome for n in range(3)] == ["done", "failed", "done"]
    assert "this job cannot be pickled" in reports[1].message


def test_jobs_are_taken_as_workers_become_free(place):
    taken, most = 0, 0
    reports = []

    def jobs():
        nonlocal taken, most
        for number in range(100):
            taken += 1
            most = max(most, taken - len(reports))
            yield number

    run_jobs(sample_jobs.square, jobs(), on_done=reports.append, **place)
    assert len(reports) == 100
    assert most <= 3  # two at work, and the one that is being handed over


def test_an_error_where_results_are_recorded_ends_the_run(place):
    reports = []

    def on_done(report):
        reports.append(report)
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        run_jobs(sample_jobs.square, range(100), on_done=on_done, **place)
    assert len(reports) == 1
    assert len(run(sample_jobs.square, range(5), **place)) == 5, "and the next run works"


def test_no_job_is_no_work(place):
    assert run(sample_jobs.square, [], **place) == []


def test_work_that_workers_cannot_import_ends_the_run(tmp_path, monkeypatch):
    (tmp_path / "only_the_parent.py").write_text(
        "import multiprocessing\n"
        "if multiprocessing.parent_process() is not None:\n    raise ImportError('not for children')\n"
        "def work(job):\n    return job\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import only_the_parent

    with pytest.raises(WorkersDoNotStart, match="cannot import the work: ImportError: not for children"):
        run(only_the_parent.work, range(50), workers=2)


SCRIPT = """
import sys
import sample_jobs
from tinyml_labs.grading.workers.worker_pool import run_jobs
if __name__ == "__main__":
    print("begin", flush=True)
    run_jobs(sample_jobs.starts_a_child, [sys.argv[1]] * 10, on_done=print, workers=2)
"""


@pytest.fixture
def busy_parent(tmp_path):
    """A program that runs jobs in two workers, each of which has a child; its process and those of its family."""
    (tmp_path / "program.py").write_text(SCRIPT)
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "program.py", tmp_path],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background job would ignore it
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("*.child"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    family = psutil.Process(parent.pid).children(recursive=True)
    assert len(list(tmp_path.glob("*.child"))) == 2
    assert len(family) >= 4
    yield parent, family
    for process in [parent, *family]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def test_ctrl_c_leaves_no_process_behind(busy_parent):
    parent, family = busy_parent
    os.killpg(parent.pid, signal.SIGINT)  # a terminal sends it to parent and workers alike
    _, errors = parent.communicate(timeout=30)
    _, alive = psutil.wait_procs(family, timeout=15)
    assert not alive
    assert parent.returncode != 0
    assert errors.count("KeyboardInterrupt") == 1, errors  # the parent's, and none of a worker


def test_a_killed_parent_leaves_no_process_behind(busy_parent):
    parent, family = busy_parent
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(family, timeout=15)
    assert not alive


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"workers": 0}, "workers is 0"),
        ({"job_seconds": 0}, "job_seconds is 0"),
        ({"workers": 2, "scheduler": "tcp://127.0.0.1:8786"}, "Leave one of the two out"),
        ({"scheduler": "http://127.0.0.1:8786"}, "expected such as tls://"),
        ({"scheduler": "127.0.0.1:8786"}, "expected such as tls://"),
        ({"certificates": Certificates(authority="a", certificate="b", key="c")}, "no scheduler was given"),
        (
            {
                "scheduler": "tcp://127.0.0.1:8786",
                "certificates": Certificates(authority="a", certificate="b", key="c"),
            },
            "did you mean tls://",
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings, what):
    with pytest.raises(ValueError, match=what):
        run(sample_jobs.square, [1], **settings)


def test_a_scheduler_that_is_not_there_is_an_error_that_says_so(distributed, monkeypatch):
    monkeypatch.setattr("tinyml_labs.grading.workers.cluster_workers._ANSWER_S", 1.0)
    with pytest.raises(ConnectionError, match="No scheduler answers at tcp://127.0.0.1:9"):
        run(sample_jobs.square, [1], scheduler="tcp://127.0.0.1:9")


def test_a_scheduler_without_workers_is_an_error_that_says_so(distributed, monkeypatch):
    monkeypatch.setattr("tinyml_labs.grading.workers.cluster_workers._NO_WORKER_S", 1.0)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0", silence_logs="CRITICAL") as empty,
        pytest.raises(WorkersDoNotStart, match="no worker for 1 s"),
    ):
        run(sample_jobs.square, [1], scheduler=empty.scheduler_address)


def test_an_open_connection_to_another_machine_is_warned_of(distributed, monkeypatch):
    monkeypatch.setattr("tinyml_labs.grading.workers.cluster_workers._ANSWER_S", 0.1)
    with pytest.warns(UserWarning, match="not encrypted"), pytest.raises(ConnectionError):
        run(sample_jobs.square, [1], scheduler="tcp://192.0.2.1:8786")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A certificate authority, and one certificate that it signed."""
    if shutil.which("openssl") is None and os.environ.get("CI") != "true":
        pytest.skip("openssl is not installed (apt-get install openssl): no certificates to test with")
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *new, "-days", "2", "-subj", "/CN=course", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", *new, "-subj", "/CN=grader", "-keyout", "own.key", "-out", "own.csr")
    signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"]
    openssl("x509", "-req", "-in", "own.csr", *signed, "-out", "own.pem")
    return Certificates(authority=folder / "ca.pem", certificate=folder / "own.pem", key=folder / "own.key")


@pytest.mark.slow
def test_an_encrypted_cluster_does_the_work_and_lets_nobody_in_without_a_certificate(
    distributed, certificates, monkeypatch
):
    security = distributed.Security(
        require_encryption=True,
        tls_ca_file=str(certificates.authority),
        **{f"tls_{who}_cert": str(certificates.certificate) for who in ("client", "scheduler", "worker")},
        **{f"tls_{who}_key": str(certificates.key) for who in ("client", "scheduler", "worker")},
    )
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",
        security=security,
        protocol="tls",
        silence_logs="CRITICAL",
    ) as cluster:
        address = cluster.scheduler_address
        assert address.startswith("tls://")
        reports = run(sample_jobs.poison, range(10, 16), scheduler=address, certificates=certificates)
        outcomes = {report.job: report.outcome for report in reports}
        assert outcomes == {**dict.fromkeys(range(10, 16), "done"), 13: "lost"}
        monkeypatch.setattr("tinyml_labs.grading.workers.cluster_workers._ANSWER_S", 2.0)
        with pytest.raises(ConnectionError):
            run(sample_jobs.square, [1], scheduler=address.replace("tls://", "tcp://"))


def test_a_certificate_that_is_not_there_is_named(distributed, certificates):
    absent = Certificates(authority=certificates.authority, certificate=Path("absent.pem"), key=certificates.key)
    with pytest.raises(FileNotFoundError, match="absent.pem"):
        run(sample_jobs.square, [1], scheduler="tls://127.0.0.1:8786", certificates=absent)


def test_without_dask_a_scheduler_is_an_error_that_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"tinyml-labs\[cluster\]"):
        run(sample_jobs.square, [1], scheduler="tcp://127.0.0.1:8786")
    assert len(run(sample_jobs.square, [1, 2], workers=1)) == 2, "this machine needs none"

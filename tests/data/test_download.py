"""Broden from a server that drops the line, falls silent, lies, or sends an archive that does harm."""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile

import pytest

import nbdissect as nd
from nbdissect.data import broden_download, download, unpacking
from support.broden_maker import make_broden
from support.download_server import Behavior, serving


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    monkeypatch.setattr(download, "_TIMEOUT", 0.5)
    monkeypatch.setattr(download, "_PAUSE", 0.01)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def zipped(folder, top="broden1_224"):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, f"{top}/{path.relative_to(folder)}" if top else str(path.relative_to(folder)))
    return file.getvalue()


@pytest.fixture
def archive(tmp_path):
    return zipped(make_broden(tmp_path / "made", images=6))


def get(tmp_path, url, **options):
    return nd.Broden.download(tmp_path / "root", url=url, progress=False, **options)


def left(tmp_path):
    return sorted(path.name for path in (tmp_path / "root").iterdir())


def test_a_good_server(tmp_path, archive, capsys):
    behavior = Behavior(archive)
    with serving(behavior) as url:
        data = nd.Broden.download(tmp_path / "root", url=url, sha256=hashlib.sha256(archive).hexdigest())
        assert (len(data), data.path) == (6, tmp_path / "root" / "broden1_224")
        assert left(tmp_path) == ["broden1_224"]
        assert "broden1_224.zip: 0 of 0 MB" in capsys.readouterr().err
        assert len(get(tmp_path, url)) == 6
        assert behavior.requests == [None], "what is there is opened, not fetched"


def test_an_archive_without_a_folder_of_its_own_and_one_to_keep(tmp_path):
    with serving(Behavior(zipped(make_broden(tmp_path / "made"), top=""))) as url:
        assert len(get(tmp_path, url, keep_archive=True)) == 4
    assert left(tmp_path) == ["broden1_224", "broden1_224.zip"]


def test_the_sites_own_address():
    assert broden_download._SITE.format(size=227) == "http://netdissect.csail.mit.edu/data/broden1_227.zip"
    with pytest.raises(ValueError, match="size=225; Broden comes in the sizes 224, 227, 384"):
        nd.Broden.download("nowhere", 225)


# --- the line ---


@pytest.mark.parametrize("ranges", [True, False])
def test_a_line_that_drops_goes_on_where_it_was(tmp_path, archive, ranges):
    third = len(archive) // 3
    behavior = Behavior(archive, ranges=ranges, drop=[third, third, 10])
    with serving(behavior) as url:
        assert len(get(tmp_path, url)) == 6
    asked = [None, f"bytes={third}-", f"bytes={2 * third}-", f"bytes={2 * third + 10}-"]
    assert behavior.requests == asked if ranges else len(behavior.requests) == 4


def test_a_server_that_falls_silent_is_asked_again(tmp_path, archive):
    behavior = Behavior(archive, stall=[100, 0])
    with serving(behavior) as url:
        assert len(get(tmp_path, url)) == 6
    assert behavior.requests == [None, "bytes=100-", "bytes=100-"]


def test_the_next_call_goes_on_too(tmp_path, archive):
    behavior = Behavior(archive, drop=[500] + [0] * 5)
    with serving(behavior) as url:
        with pytest.raises(
            OSError,
            match=rf"can't be fetched: the line was cut, 5 times in a row\. 500 of {len(archive):,} bytes are kept in .*zip.part",
        ):
            get(tmp_path, url)
        assert left(tmp_path) == ["broden1_224.zip.part", "broden1_224.zip.part.json"]
        behavior.drop = []
        assert len(get(tmp_path, url)) == 6
    assert behavior.requests[-1] == "bytes=500-"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_file_that_changed_meanwhile_is_fetched_anew(tmp_path, archive, ranges):
    behavior = Behavior(b"PK\x03\x04" + bytes(3000), drop=[1000] + [0] * 5)
    with serving(behavior) as url:
        with pytest.raises(OSError, match="1,000 of 3,004 bytes"):
            get(tmp_path, url)
        behavior.content, behavior.drop, behavior.version, behavior.ranges = archive, [], '"v2"', ranges
        assert len(get(tmp_path, url)) == 6


def test_a_part_of_another_file_is_not_gone_on_with(tmp_path, archive):
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "broden1_224.zip.part").write_bytes(b"PK\x03\x04something else")
    for notes in ("", "{", '{"url": "http://other", "length": 5, "version": "x"}', '{"a": 1}'):
        (tmp_path / "root" / "broden1_224.zip.part.json").write_text(notes)
        behavior = Behavior(archive)
        with serving(behavior) as url:
            download.fetch(url, tmp_path / "root" / "broden1_224.zip", progress=False)
        assert behavior.requests == [None]
        assert (tmp_path / "root" / "broden1_224.zip").read_bytes() == archive
        (tmp_path / "root" / "broden1_224.zip").rename(tmp_path / "root" / "broden1_224.zip.part")


def test_a_part_that_is_longer_than_the_file(tmp_path, archive):
    behavior = Behavior(archive + bytes(1000), drop=[len(archive) + 500] + [0] * 5, version="")
    with serving(behavior) as url:
        with pytest.raises(OSError, match="bytes are kept"):
            get(tmp_path, url)
        behavior.content, behavior.drop = archive, []
        assert len(get(tmp_path, url)) == 6


# --- lies about the length ---


@pytest.mark.parametrize("ranges", [True, False])
def test_a_length_that_never_comes(tmp_path, archive, ranges):
    kept = "" if ranges else rf" {len(archive):,} of {len(archive) + 1000:,} bytes are kept"
    behavior = Behavior(archive, declared=len(archive) + 1000, ranges=ranges)
    with serving(behavior) as url, pytest.raises(OSError, match=rf"5 times in a row\.{kept}"):
        get(tmp_path, url)
    assert len(behavior.requests) < 20


def test_a_length_that_is_too_small_gives_a_damaged_archive_which_is_removed(tmp_path, archive):
    too_small = Behavior(archive, declared=len(archive) - 300)
    with serving(too_small) as url, pytest.raises(OSError, match=r"1_224.zip is damaged \(.*\)\. Fetch it again"):
        get(tmp_path, url)
    assert left(tmp_path) == []


def test_no_length_at_all(tmp_path, archive):
    with serving(Behavior(archive, length=False, version="")) as url:
        assert len(get(tmp_path, url)) == 6


@pytest.mark.parametrize(
    ("most", "behavior", "said"),
    [
        (1 << 36, {"declared": 1 << 40}, "says that it has 1,099,511,627,776 bytes; at most"),
        (1 << 60, {"declared": 1 << 50}, "MB of free space; 1,125,899,906 MB are needed"),
        (1000, {"length": False}, "doesn't end: more than 1,000 bytes came"),
    ],
)
def test_absurd_lengths_are_refused(tmp_path, archive, monkeypatch, most, behavior, said):
    monkeypatch.setattr(download, "_MOST", most)
    with serving(Behavior(archive, **behavior)) as url, pytest.raises(OSError, match=said):
        get(tmp_path, url)


# --- other answers ---


def test_nobody_answers(tmp_path):
    with serving(Behavior()) as url:
        pass
    with pytest.raises(
        OSError,
        match=r"can't be fetched: .*refused.*, 5 times in a row\. Any other copy .*url=.*nd\.Broden\(path\).*nd\.demo\(\).*nd\.LabeledImages",
    ):
        get(tmp_path, url)
    assert left(tmp_path) == []


@pytest.mark.parametrize("status", [403, 404, 410])
def test_what_is_gone_is_said_at_once(tmp_path, status):
    behavior = Behavior(b"x", status=status)
    with serving(behavior) as url, pytest.raises(OSError, match=rf"the server answers {status} .*Any other copy"):
        get(tmp_path, url)
    assert len(behavior.requests) == 1


def test_a_server_in_trouble_is_asked_again(tmp_path):
    behavior = Behavior(b"x", status=503)
    with serving(behavior) as url, pytest.raises(OSError, match="5 times in a row"):
        get(tmp_path, url)
    assert len(behavior.requests) == 5


def test_a_page_instead_of_the_archive(tmp_path):
    with (
        serving(Behavior(b"<!doctype html>\n<title>Moved</title>")) as url,
        pytest.raises(
            OSError,
            match=r"isn't the file, it begins with b'<!doctype html>.*: a page, perhaps, that says that it is gone",
        ),
    ):
        get(tmp_path, url)
    assert not (tmp_path / "root" / "broden1_224.zip.part").exists()


def test_a_redirection_to_a_local_file_is_not_followed(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"PK\x03\x04")
    with serving(Behavior(redirect=secret.as_uri())) as url, pytest.raises(OSError, match="the server answers 302"):
        get(tmp_path, url)
    with pytest.raises(OSError, match="a URL of http or https is needed"):
        get(tmp_path, secret.as_uri())


def test_another_hash(tmp_path, archive):
    with (
        serving(Behavior(archive)) as url,
        pytest.raises(OSError, match=r"has the SHA-256 [0-9a-f]{64}, not 00\. It was removed"),
    ):
        get(tmp_path, url, sha256="00")
    assert not (tmp_path / "root" / "broden1_224.zip").exists()


def test_a_full_disk_keeps_what_came(tmp_path, archive, monkeypatch):
    import errno

    def full(response, part, *_):
        part.write_bytes(archive[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download, "_copy", full)
    with (
        serving(Behavior(archive)) as url,
        pytest.raises(OSError, match="broden1_224.zip can't be written: the disk is full"),
    ):
        get(tmp_path, url)
    assert (tmp_path / "root" / "broden1_224.zip.part").exists()


def test_a_directory_in_the_way(tmp_path):
    (tmp_path / "root" / "broden1_224").mkdir(parents=True)
    with pytest.raises(FileExistsError, match="is there already, without an index.csv"):
        get(tmp_path, "http://127.0.0.1:9/x")


# --- hostile archives ---


def entry(name, content=b"x", mode=0, **more):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    vars_of = {"compress_type": zipfile.ZIP_DEFLATED, **more}
    for key, value in vars_of.items():
        setattr(info, key, value)
    return info, content


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([entry("../outside.txt")], "a path that leaves the folder"),
        ([entry("a/../../outside.txt")], "a path that leaves the folder"),
        ([entry("/etc/outside.txt")], "a path that leaves the folder"),
        ([entry("..\\outside.txt")], "a path that leaves the folder"),
        ([entry("C:outside.txt")], "a path that leaves the folder"),
        ([entry("a" * 1001)], "a path that leaves the folder"),
        ([entry("a\x1b[31m.png")], r"holds 'a\\\\x1b\[31m.png': a control character"),
        ([entry("link", b"/etc", stat.S_IFLNK | 0o777)], "a link or a device"),
        ([entry("pipe", b"", stat.S_IFIFO | 0o777)], "a link or a device"),
        ([entry("a.png"), entry("A.PNG")], "holds 'A.PNG' twice"),
        ([entry("zeros", bytes(50_000_000))], "and would unpack to 1 files of 50,000,000 bytes together"),
        ([entry("readme.txt")], "holds no index.csv, so that it is no Broden data set"),
    ],
)  # fmt: skip
def test_hostile_archives_leave_nothing(tmp_path, monkeypatch, entries, said):
    monkeypatch.setattr(unpacking, "_SPARE", 1 << 20)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for info, content in entries:
            archive.writestr(info, content)
    with serving(Behavior(file.getvalue())) as url, pytest.raises(OSError, match=said):
        get(tmp_path, url)
    assert left(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == ["root"]


@pytest.mark.parametrize("place", ["content", "directory", "middle"])
def test_damaged_archives_are_noticed(tmp_path, archive, place):
    at = {"content": 60, "directory": len(archive) - 40, "middle": len(archive) // 2}[place]
    damaged = bytearray(archive)
    damaged[at] ^= 0xFF
    with serving(Behavior(bytes(damaged))) as url, pytest.raises(OSError, match=r"is damaged|holds no index.csv"):
        get(tmp_path, url)
    assert left(tmp_path) == []


def test_an_archive_that_somebody_put_there_is_used_and_never_removed(tmp_path, archive):
    (tmp_path / "root").mkdir()
    mine = tmp_path / "root" / "broden1_224.zip"
    mine.write_bytes(archive[:-10])
    with pytest.raises(OSError, match="is damaged"):
        get(tmp_path, "http://127.0.0.1:9/x")
    assert mine.exists()
    mine.write_bytes(archive)
    assert len(get(tmp_path, "http://127.0.0.1:9/x", keep_archive=True)) == 6

"""Downloads against a small server on this machine that answers as the hub does: ranges, etags, commits."""

from __future__ import annotations

import hashlib
import http.server
import threading
import time

import pytest
import torch
from huggingface_hub import constants

from stereo3d.depth import load_model
from stereo3d.depth.hub import fetch, weight_files
from stereo3d.errors import WeightsError
from tests.depth import stand_in, video_stand_in
from tests.depth.test_weights import write_folder

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Hub(http.server.BaseHTTPRequestHandler):
    """HEAD and GET of /owner/name/resolve/main/FILE; the first GET of the weights breaks off half-way."""

    protocol_version = "HTTP/1.1"
    folder = None
    model = "depth-anything/Depth-Anything-V2-Small-hf"
    requests: list[tuple[str, str, str]]
    broke_off = False

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, body):
        span = self.headers.get("Range", "")
        type(self).requests.append((self.command, self.path, span))
        owner_name, _, name = self.path.strip("/").partition("/resolve/main/")
        file = type(self).folder / name if owner_name == type(self).model and name else None
        if self.path == "/":
            return self._head(200, 0)
        if file is None or not file.is_file():
            code = "EntryNotFound" if file is not None else "RepoNotFound"
            return self._head(404, 0, {"X-Error-Code": code, "X-Repo-Commit": COMMIT})
        data = file.read_bytes()
        start = int(span.removeprefix("bytes=").partition("-")[0]) if span else 0
        headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if span:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self._head(206 if span else 200, len(data) - start, headers)
        if not body:
            return None
        if name == "model.safetensors" and not type(self).broke_off:
            type(self).broke_off = True
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            self.close_connection = True
            return None
        self.wfile.write(data[start:])
        return None

    def _head(self, status, length, headers=None):
        self.send_response(status)
        for key, value in {"Content-Length": str(length), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()

    def log_message(self, *_args):
        pass


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def hub(tmp_path, monkeypatch, cache):
    handler = type("Hub", (_Hub,), {"folder": tmp_path / "remote", "requests": [], "broke_off": False})
    write_folder(tmp_path / "remote", stand_in.state_dict("vits"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_download_continues_where_it_broke_and_is_kept(hub):
    seen = []
    model = load_model(
        "small", device="cpu", dtype="fp32", depth_size=112, progress=lambda done, size: seen.append((done, size))
    )
    size = (hub.folder / "model.safetensors").stat().st_size
    assert seen[-1] == (size, size)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    ranges = [span for method, path, span in hub.requests if method == "GET" and path.endswith(".safetensors")]
    assert len(ranges) == 2
    assert int(ranges[1].removeprefix("bytes=").rstrip("-")) > 0
    assert torch.isfinite(model.infer_network(stand_in.picture(120, 200))).all()
    hub.requests.clear()
    again = load_model("small", device="cpu", dtype="fp32", depth_size=112)
    assert hub.requests == []
    assert again.info.identity == model.info.identity


def test_a_model_that_is_one_file(hub):
    """The video models lie on the hub as their authors' .pth, without a config.json."""
    hub.model = "depth-anything/Video-Depth-Anything-Small"
    file = video_stand_in.write_checkpoint("vits", hub.folder / "video_depth_anything_vits.pth")
    seen = []
    model = load_model("video-small", device="cpu", progress=lambda done, size: seen.append((done, size)))
    assert seen[-1] == (file.stat().st_size,) * 2
    hub.requests.clear()
    again = load_model("depth-anything/Video-Depth-Anything-Small", device="cpu")
    assert hub.requests == []
    assert again.info == model.info


def test_a_file_that_the_hub_lacks(hub):
    hub.model = "depth-anything/Video-Depth-Anything-Small"
    with pytest.raises(WeightsError, match="no weights of depth-anything/Video-Depth-Anything-Small: download failed"):
        load_model("video-small", device="cpu")


def test_a_model_the_hub_does_not_have(hub):
    with pytest.raises(WeightsError, match="has no model 'owner/absent'"):
        load_model("owner/absent", device="cpu")


def test_weights_that_the_hub_lacks(hub):
    (hub.folder / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match="no weights that can be read"):
        fetch("depth-anything/Depth-Anything-V2-Small-hf")


def test_without_a_network_it_says_so_at_once(cache, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    begin = time.monotonic()
    with pytest.raises(WeightsError, match="cannot be reached") as caught:
        load_model("small", device="cpu")
    assert time.monotonic() - begin < 60  # it tries no further ten times
    for way in ("--weights FILE", "--model DIR", "--model classic"):
        assert way in caught.value.hint


def test_offline_mode_is_respected(cache, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match="HF_HUB_OFFLINE"):
        load_model("owner/name", device="cpu")


def test_a_folder_lacking_a_shard(tmp_path):
    (tmp_path / "model.safetensors.index.json").write_text(
        '{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}'
    )
    (tmp_path / "model-1.safetensors").write_bytes(b"x")
    with pytest.raises(WeightsError, match=r"lacks model-2\.safetensors"):
        weight_files(tmp_path)

"""The verb `check-camera`, as a person types it to set a camera up."""

import stat
import subprocess
from pathlib import Path

import cv2
import yaml

from tests.cameras.test_opening import a_sound
from tests.recording.videos import numbered_video
from tests.servers.ports import free_port
from tests.servers.programs import write_config
from tests.servers.rtsp_server import RtspServer
from tests.servers.suite import run_verb

NO_REDIS = "redis://127.0.0.1:9/0"


def check(
    folder: Path, cameras: dict[str, dict[str, object]], *options: str
) -> subprocess.CompletedProcess[str]:
    """Run the verb on *cameras* for a short time; it shows no traceback, whatever happens."""
    usual: dict[str, object] = {"warmup_s": 0, "stall_s": 2}
    known = {name: usual | given for name, given in cameras.items()}
    config = write_config(folder, NO_REDIS, yaml.safe_dump({"cameras": known}))
    told = ("--config", str(config), "--seconds", "0.5", "--folder", str(folder), *options)
    done = run_verb("check-camera", *told)
    assert "Traceback" not in done.stdout + done.stderr
    return done


def test_a_good_camera_is_described_with_its_picture(tmp_path: Path) -> None:
    done = check(tmp_path, {"front": {"source": "demo"}})
    assert done.returncode == 0
    assert done.stdout.startswith("front: it gives pictures\n  source      demo\n")
    for text in ("640x480 pixels", "(10 are set)", "  focus       sharp:", "% of white"):
        assert text in done.stdout
    path = tmp_path / "check-front.jpg"
    assert f"  picture     {path}\n" in done.stdout
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    picture = cv2.imread(str(path))
    assert picture is not None
    assert picture.shape == (480, 640, 3)


def test_each_camera_is_checked_and_no_password_is_shown(tmp_path: Path) -> None:
    sound = a_sound(tmp_path / "sound.wav")
    with RtspServer(login="anna:secret-word") as server:
        done = check(
            tmp_path,
            {
                "gate": {"source": f"rtsp://anna:secret-word@{server.address}/stream", "fps": 30},
                "attic": {"source": f"rtsp://anna:wrong@{server.address}/stream"},
                "barn": {"source": f"rtsp://127.0.0.1:{free_port()}/stream"},
                "cellar": {"source": str(sound)},
                "shed": {"source": "/dev/video77"},
            },
        )
    assert done.returncode == 1
    assert "secret-word" not in done.stdout + done.stderr
    assert f"gate: it gives pictures\n  source      rtsp://{server.address}/stream\n" in done.stdout
    assert "H.264 by the camera; it becomes the clip as it is" in done.stdout
    for text in (
        "attic (rtsp://127.0.0.1",
        "refuses the user name or password",
        "serves nothing at this port",
        "contains no video, only sound: take the address of its pictures",
        "shed (/dev/video77): there is no such file or device",
    ):
        assert text in done.stdout


def test_the_pis_own_camera_without_its_software(tmp_path: Path) -> None:
    done = check(tmp_path, {"front": {"source": "demo"}}, "--source", "auto")
    assert done.returncode == 1
    assert "sudo apt install python3-picamera2" in done.stdout


def test_a_camera_whose_pictures_cannot_be_a_clip_is_described(tmp_path: Path) -> None:
    options = {"x265-params": "keyint=10:bframes=0:log-level=none"}
    video = numbered_video(tmp_path / "hevc.mp4", 20, codec="libx265", options=options)
    done = check(tmp_path, {"front": {"source": str(video)}})
    assert "H.265 by the camera; the processor encodes the clips" in done.stdout
    assert "It sends H.265, which costs the processor more" in done.stdout


def test_a_picture_that_cannot_be_saved_is_reported(tmp_path: Path) -> None:
    (tmp_path / "check-front.jpg").mkdir()
    done = check(tmp_path, {"front": {"source": "demo"}})
    assert done.returncode == 1
    assert "The picture was not saved: " in done.stdout


def test_an_unknown_camera_is_named(tmp_path: Path) -> None:
    done = check(tmp_path, {"front": {"source": "demo"}}, "garden")
    assert done.returncode == 1
    assert "no camera is named garden; there is front" in done.stderr

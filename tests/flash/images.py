"""Built firmware for flash.sh: the whole one, a newer version of it, and two that are firmware in name only."""

import json
import shutil

from flash_rig import small_image

from tools import firmware_image

# where a test may stop flash.sh, in order
STEPS = ("service", "backup", "prepared", "copied", "manifest", "verified", "loader-copied", "loader", "pointed")


def build(folder, arch, version="0.1.0"):
    """The firmware, as `make firmware` makes it, under this version's name."""
    source = folder.with_name(folder.name + "-source")
    shutil.copytree(firmware_image.FIRMWARE, source, ignore=shutil.ignore_patterns("__pycache__"))
    text = (source / "version.py").read_text()
    assert 'TEXT = "0.1.0"' in text
    (source / "version.py").write_text(text.replace('TEXT = "0.1.0"', f'TEXT = "{version}"'))
    folder.mkdir()
    firmware_image.build(folder, source, arch)
    return folder


def small(built, folder, version):
    """A firmware in name only, with the real loader of `built`; what it does once started is not looked at."""
    manifest = json.loads((built / "manifest.json").read_text())
    files = small_image(version, data=manifest["data"], loader=manifest["loader"], arch=manifest["arch"])
    folder.mkdir(parents=True)
    for entry in manifest["loader"].values():
        shutil.copy(built / entry["from"], folder / entry["from"])
    for name, data in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def older_loader(files):
    """A pen whose /main.py is another one's, so that it has to be replaced too."""
    return {**files, "/main.py": files["/main.py"] + b"# of an older release\n"}

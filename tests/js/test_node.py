"""Node decodes as Python does. The rest of runtime/js is tested by its own `npm test`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from benchmarks.chromium import JS
from tests.js.pictures import files, head, pythons

pytestmark = pytest.mark.skipif(
    not shutil.which("node") or not (JS / "node_modules/sharp").exists(),
    reason="no Node, or no npm packages here: npm ci --ignore-scripts, in runtime/js",
)

NEAR = {"alpha.avif": 24, "plain.avif": 24}
"""Levels that a picture may differ by: noise is the worst there is for colours that are stored at half the size."""

SCRIPT = """
import { writeFile } from 'node:fs/promises';
import { load } from './src/decode.js';
import { rgb } from './test/helpers.js';
const [folder, ...names] = process.argv.slice(1);
const told = {};
for (const name of names) {
  try {
    const image = await load(`${folder}/${name}`);
    await writeFile(`${folder}/${name}.rgb`, rgb(image));
    told[name] = [image.height, image.width];
  } catch (error) {
    told[name] = error.reason ?? String(error.stack);
  }
}
console.log(JSON.stringify(told));
"""


def test_files_of_many_kinds_give_pythons_pixels_or_its_refusal(tmp_path: Path) -> None:
    pictures = files()
    for name, data in pictures.items():
        (tmp_path / name).write_bytes(data)
    command = ["node", "--input-type=module", "-e", SCRIPT, str(tmp_path), *pictures]
    run = subprocess.run(command, cwd=JS, capture_output=True, text=True, timeout=100)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert told.keys() == pictures.keys()
    assert told.pop("plain.bmp").startswith("sharp does not read BMP pictures")
    assert told.pop("cut-plain.bmp").startswith("sharp does not read BMP pictures")
    for name, found in told.items():
        expected = pythons(pictures[name])
        if isinstance(expected, str):
            assert isinstance(found, str), f"{name} is read, and Python says: {expected}"
            assert head(found) == head(expected), name
            continue
        assert found == list(expected.shape[:2]), f"{name}: {found}"
        pixels = np.fromfile(tmp_path / f"{name}.rgb", np.uint8).reshape(expected.shape)
        worst = int(np.abs(pixels.astype(int) - expected).max())
        assert worst <= NEAR.get(name, 0), f"{name}: {worst} levels"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace, which is for Linux")
def test_nothing_is_sent_and_no_device_id_is_written(tmp_path: Path) -> None:
    script = """
        import { Detector } from 'fauxto';
        const detector = await Detector.load({ model: '../../models/fauxto-r18' });
        await new Promise((done) => setTimeout(done, 7000)); // telemetry, left alone, begins after about five
        await detector.close();"""
    log = tmp_path / "log"
    command = ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg", "-o", str(log), "node"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home")}
    (tmp_path / "home").mkdir()
    subprocess.run([*command, "--input-type=module", "-e", script], cwd=JS, env=environment, check=True, timeout=100)
    assert "AF_INET" not in log.read_text()
    assert list((tmp_path / "home").rglob("*")) == []

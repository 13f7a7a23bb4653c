"""The contact sheet: pours posed in their middle, one labelled tile each."""

import numpy as np
import pytest
from PIL import Image

from multigen.cli import main
from multigen.cli.sheet import contact_sheet
from multigen.episode.still import mid_pour
from multigen.errors import ConfigError
from multigen.liquid import lip_pose
from multigen.scene import SMALL, WORLDS, draw_scene

NOMINAL = WORLDS["nominal"]


def test_a_still_holds_the_source_in_the_hand_while_it_pours():
    scene = draw_scene(NOMINAL, 2, condition="juice-plastic_bottle-plastic_cup", command="half")
    still = mid_pour(scene, size=48, detail=SMALL)
    pos, rot = still.scene.source_pose()
    held = lip_pose(scene.source, pos, rot)
    assert np.degrees(held.tilt_rad) > 30
    assert still.stream is not None
    pinch, _ = still.scene.pinch_pose()
    axis = pinch - pos
    assert np.linalg.norm(axis - (axis @ rot[:, 2]) * rot[:, 2]) < 0.005, "fingers around the axis"
    assert np.hypot(*(held.lip_m[:2] - scene.receiver_xy_m)) < 2 * scene.receiver.rim_radius_m
    assert held.out_xy[1] < -0.9
    assert still.receiver_ml == pytest.approx(0.5 * scene.target_ml, rel=0.1)


def test_look_draws_a_sheet_and_replaces_it_only_when_told(tmp_path):
    out = tmp_path / "sheet.png"
    flags = ["look", "--sheet", "1", "--world", "nominal", "--seed", "2", "--out", str(out)]
    with pytest.raises(SystemExit) as done:
        main(flags)
    assert done.value.code == 0
    assert Image.open(out).size == (224, 224 + 17)
    with pytest.raises(SystemExit) as refused:
        main(flags)
    assert refused.value.code == 2


def test_a_sheet_has_a_tile_and_a_label_for_every_scene():
    sheet = contact_sheet(NOMINAL, 3, seed=4, size=64, detail=SMALL)
    assert sheet.shape[2] == 3
    assert sheet.shape[1] == 2 * 64 + 2
    label = sheet[64:81, :64]
    assert label.min() < 120
    assert label.max() > 250
    assert (contact_sheet(NOMINAL, 3, seed=4, size=64, detail=SMALL) == sheet).all()
    with pytest.raises(ConfigError, match="at least 1"):
        contact_sheet(NOMINAL, 0)

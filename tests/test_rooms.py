"""The house: imports go one way, the front door is light, the package is typed."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_imports_go_one_way() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([tool], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_front_door_is_light() -> None:
    code = "import multigen, sys; print(*{'torch', 'mujoco', 'numba'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stdout.strip()


@pytest.mark.parametrize("room", ["dataset", "episode", "scene", "liquid", "masks", "files"])
def test_these_rooms_never_load_a_network(room: str) -> None:
    code = f"import multigen.{room}, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    "room", ["audio", "dataset", "ear", "policy", "learning", "masks", "liquid"]
)
def test_these_rooms_never_load_a_simulator(room: str) -> None:
    code = f"import multigen.{room}, sys; print('mujoco' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_every_module_has_a_plate_and_the_package_is_typed() -> None:
    package = ROOT / "src" / "multigen"
    assert (package / "py.typed").exists()
    for path in package.rglob("*.py"):
        assert path.read_text().startswith('"""'), f"{path} has no plate on its door"

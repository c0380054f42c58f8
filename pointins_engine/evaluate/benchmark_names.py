"""Names of the benchmarks, apart so that the command line's help comes at once."""

from typing import Literal, get_args

Name = Literal["class-agnostic", "scannet", "scannet200", "semantickitti", "nuscenes"]
NAMES: tuple[Name, ...] = get_args(Name)

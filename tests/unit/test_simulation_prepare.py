"""The installation compiles every function that a cycle would else compile at its first use."""

import subprocess
import sys

_PROGRAM = """
from stockstrata import shaped_kernel
from stockstrata.simulation import kernel, measures, prepare
prepare.main()
print(all(found.signatures for found in (shaped_kernel.area_above, kernel.run_block, measures._take)))
"""


def test_each_compiled_function_is_compiled_for_the_types_of_a_cycle():
    # By itself: other tests of this process would have compiled them.
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]

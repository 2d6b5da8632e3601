"""The fixtures of Tests/Interop, for strangers' suites."""
import importlib.util
import os
import sys

INTEROP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Interop")
sys.path.insert(0, INTEROP)
_spec = importlib.util.spec_from_file_location("interop_conftest", os.path.join(INTEROP, "conftest.py"))
_interop = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = _interop
_spec.loader.exec_module(_interop)
globals().update({name: value for name, value in vars(_interop).items() if not name.startswith("__")})

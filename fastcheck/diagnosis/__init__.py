"""Why a gradient is wrong: findings, each with its evidence and what to look at."""

from fastcheck.diagnosis.diagnose import Checked, findings, findings_of_screen
from fastcheck.diagnosis.finding import Finding

__all__ = ["Checked", "Finding", "findings", "findings_of_screen"]

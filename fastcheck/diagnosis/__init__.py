"""Why a gradient is wrong: findings, each with its evidence and what to look at."""

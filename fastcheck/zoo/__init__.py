"""Reference networks with hand-written backpropagation, and deliberate bugs to plant in them."""

from fastcheck.zoo.course import course
from fastcheck.zoo.mlp import bugs, mlp

__all__ = ["bugs", "course", "mlp"]

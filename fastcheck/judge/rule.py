"""The rule of every verdict, and every threshold that it has; what applies it stands beside this file.

With G = |analytic|, S = |slope|, E = |slope - analytic| and B = bound, each times the unit of its component, where the
slope is the best that is known: of a ladder where one was taken, else of the pass, which settles a component only by
agreeing with it.

    refuted     a ladder excludes the analytic value down to the finest steps at which J's noise lets one see, at no
                other plateau is it supported, E > max(1e-7, accept) of its tensor's largest entry, and more than the
                analytic gradient's own rounding
    WRONG       refuted, and E / (G + S) of a refuted component, or ||E|| / (||G|| + ||S||) of the refuted together,
                >= max(1e-3, accept)
    SUSPECT     refuted, and below that
    CORRECT     nothing refuted, and ||max(E, B)|| <= max(1e-5, accept) (||G|| + ||S||); or zero against zero where J
                does not bend
    UNRESOLVED  otherwise, with its cause

Every tensor has its verdict, and the whole is as good as its worst; one that is unresolved and too small to matter does
not spoil it. The pass has the ratio and the floor of the lecture, for a set of components S:

    ratio_S = ||numeric_S - analytic_S|| / ( ||numeric_S|| + ||analytic_S|| )
    floor_S = ||sigma_S|| / ( ||numeric_S|| + ||analytic_S|| )              sigma = epsJ / (sqrt(2) eps)
"""

from __future__ import annotations

# The bands of the ratio.
GREAT = 1e-7  # up to it a gradient is right
LOOK = 1e-5  # from it on, look at the components
WORRY = 1e-3  # from it on, worry

DIGITS, COARSEST = 100.0, 0.1  # spacings of its own numbers up to which a gradient is right, but no more than a tenth

# What a ladder says of one line.
SHARP = 0.05  # a bound of this share of the slope makes a reading a witness
SETTLED = 1e-3  # a bound of this share of the slope lets a value be supported: below the edge of WRONG
CLEAR = 4.0  # bounds that a refuted value is away: they are measured from a few levels, and may be short by chance
MEET = 2.0  # plateaus whose bounds meet within so many times are one
ROUGH = 0.5  # at finer steps than those that decide, a bound of this share is enough to speak
RIVAL = 0.02  # another plateau this near to the analytic value speaks for it
JUST_SEEN = 64.0  # a difference is seen from where it moves J by so many grains
NEAR, DEEP = 4, 8  # levels above that, and above the finest of all, to which a plateau must reach down to accuse
HEARD = 16.0  # a bound of so many times J's noise over the step is from afar: what neighbouring steps differ by
ROUNDED = 1e-14  # of the size that slopes have nearby: the analytic gradient's own rounding
DOUBTFUL = 1e-6  # a bound of more than this share of the slope is worth further levels

# Over a tensor and the whole.
OWN_ROUNDING = 1e-12  # of the largest entry of all: backprop's own rounding where the true value is 0
PASS_MARGIN = 3.0  # pilots are few: the pass is taken to be off by so many times what they saw
ONE_SIDED = 8.0  # and by so many times that at a bound of theta: three points on one side carry noise and bends further
ALIKE = 1e-3  # a ratio below which the change from call to call is the gradient once more
HEARD_AS_FLOOR = 10.0  # floors up to which a ratio above 1e-7 is told to be rounding

OTHER_STEPS = 1e-9  # of the largest: what the complex derivatives by other steps differ by, above rounding of float64

# How much is looked at.
WORST = 6  # components of each tensor that are measured first, those with the largest errors
LADDER = 24  # evaluations that a ladder is expected to take
BUDGET = (1000, 20)  # evaluations of ladders that are always allowed: so many, and so many more a tensor

WITNESSES = 100  # that a report keeps
LADDERS = 8  # of them that are kept with their rungs, the first of each tensor

# Directions.
ALONE = 1e3  # bounds that a direction is off to accuse alone: kinks of both signs cancel to 1 in 1000 that rarely
CONFIRMED = 2  # directions that are followed down to components
TOGETHER = 2.2  # root of 8 over the chi square with 8 degrees of freedom that one in a hundred falls below
QUICK = 1e-7  # a direction whose first two levels agree to so much of the gradient is settled
FINE = 1e-8  # of the gradient: what noise may do to it at these levels
NEARLY = 3e-8  # likewise, and that far off at the most, or within its bound
ENOUGH = 8  # directions whose errors together bound that of the gradient
MISSED = 1e-9  # the probability of the guarantee
TAILS = (0.025, 0.975)  # of the interval of an estimated ratio

# Locating.
MOST = 0.5  # of the components that can be told: more wrong ones make a tensor, or a line of it, wrong throughout
SMALLEST = 0.25  # of the components, in which a small error of all is not seen
FEW = 3  # wrong components of a small tensor that are named one by one, unless they are all of it
EXPLAINED = 3.0  # squared bounds that are left in each direction where one component explains them all
MANY = 32  # single wrong components after which a tensor is sampled once more: perhaps all of it is wrong

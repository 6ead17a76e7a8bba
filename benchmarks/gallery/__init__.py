"""Gradients of public libraries, checked as they are: some differ from their costs, some agree.

    python -m benchmarks.gallery                     # all of them, a line each
    python -m benchmarks.gallery --write             # and their short reports, which the guide shows
    python -m benchmarks.gallery.skglm_poisson       # one file, with its reports

A library that is not installed is skipped. `pip install skglm==0.5 metric-learn==0.7.0 xlogit==0.2.7 numpy-ml==0.1.2
pyGPs==1.3.5 neurolab==0.3.5` brings those that run beside NumPy 2, two of them with names that the files put back.
chainer 7.8.1 asks for an environment with `"numpy<1.25" "scipy<1.12" "setuptools<60" wheel` first, and then for `pip
install --no-build-isolation chainer==7.8.1`; the others run there as well.

Every file has the name of its `LIBRARY` and its `CASES`: a function that makes a Problem of the library's own
functions, and what is expected of it, the tensors that differ and the kind of the finding, or none where the gradient
is right.
"""

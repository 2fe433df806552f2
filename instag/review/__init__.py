"""Review by ear: a page on this machine that plays what is doubtful and takes down what a person says."""

from __future__ import annotations

from importlib.util import find_spec

from instag.errors import CannotStartError


def require_server() -> None:
    """Checks that a page can be served.

    Raises:
        CannotStartError: A package of the extra `review` is not installed.
    """
    for package in ("starlette", "uvicorn"):
        if find_spec(package) is None:
            raise CannotStartError(
                f"The page needs the package {package}, which is not installed.",
                "Install it: pip install 'instag[review]'; or use --terminal.",
            )

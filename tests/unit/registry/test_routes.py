from __future__ import annotations

import pytest

from garcom.errors import InputError
from garcom.registry.routes import check_route


@pytest.mark.parametrize("path", ["/prever_precos", "/a/b.c/~d-e", "/V1x", "/predict_all"])
def test_routes(path: str) -> None:
    assert check_route(path) == path


@pytest.mark.parametrize("path", ["", "/", "prever", "/a/", "//a", "/a b", "/a/../b", "/./a", "/{x}", "/" + "a" * 200])
def test_what_is_no_route(path: str) -> None:
    with pytest.raises(InputError, match="Expected a path such as /prever_precos"):
        check_route(path)


@pytest.mark.parametrize("path", ["/predict", "/v1/models", "/docs", "/metrics", "/healthz/x", "/openapi.json"])
def test_garcoms_own_paths_are_kept(path: str) -> None:
    with pytest.raises(InputError, match="Garçom uses"):
        check_route(path)


def test_a_route_may_have_letters_of_any_script() -> None:
    assert check_route("/prever_preços") == "/prever_preços"

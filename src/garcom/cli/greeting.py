"""What ``garcom serve`` says once the server answers: where it is, and what to try."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from garcom.cli.accounts import NOBODY_ADMINISTERS

if TYPE_CHECKING:
    from garcom.model.bundle import Bundle
    from garcom.rollout.plan import TrafficPlan


def greeting(
    address: str,
    plan: TrafficPlan | None,
    allow_python: bool | str,
    *,
    is_open: bool = False,
    nobody_administers: bool = False,
    self_signed: Path | None = None,
) -> str:
    """The lines that are printed: where it is, what to do next, and who may come in where that is everyone.

    ``nobody_administers`` says that users or keys exist, and none of them may manage the others.
    ``self_signed`` is the certificate of a server that signed it itself: clients have to be told to trust it.
    """
    curl = "curl -s" if self_signed is None else f"curl -s --cacert {self_signed}"
    lines = [f"Garçom serves on {address} (documentation: {address}/docs)", *_advice(address, plan, allow_python, curl)]
    if self_signed is not None:
        lines.append(f"Its certificate is signed by itself: {self_signed}\nSHA-256 {_fingerprint(self_signed)}")
    if is_open:
        lines.append(
            "No user exists yet: whoever is on this machine may do everything, without a password. The first "
            "`garcom user add NAME --role admin` ends that."
        )
    if nobody_administers:
        lines.append(NOBODY_ADMINISTERS)
    return "\n".join(lines)


def first_administrator(name: str, password: str) -> str:
    """What is said, once, when a first start has made an administrator."""
    return (
        f"This address can be reached by others, so the server asks everybody who they are. The first user was made:\n"
        f"    user      {name}\n    password  {password}\n"
        "The password is shown this once. Log in with it, or change it: garcom user password " + name
    )


def _fingerprint(certificate: Path) -> str:
    from garcom.tls.self_signed import fingerprint

    return fingerprint(certificate)


def _advice(address: str, plan: TrafficPlan | None, allow_python: bool | str, curl: str) -> Iterator[str]:
    if plan is None or not plan.models:
        yield "No model is registered yet: garcom pack model.pkl --data data.csv, then garcom register BUNDLE."
        return
    if plan.default is None:
        first = sorted(plan.models)[0]
        yield f"{len(plan.models)} models: {address}/v1/models; for instance {address}/v1/models/{first}/example"
        return
    answering = _answering(plan, plan.default)
    if answering is not None and answering.is_served_elsewhere:
        yield f"{plan.default} is served elsewhere: log its predictions at {address}/v1/models/{plan.default}/log"
    elif not allow_python and answering is not None and answering.needs_python:
        yield (
            f"The default model {plan.default} carries a Python engine, and this server was not allowed to run one: "
            "/predict refuses every request (409)."
        )
        yield "If you trust its bundle, stop this server and try: garcom serve --allow-python"
    else:
        body = "-H 'Content-Type: application/json' -d @-"
        yield f"Try it: {curl} {address}/example | {curl} {address}/predict {body}"


def _answering(plan: TrafficPlan, model: str) -> Bundle | None:
    from garcom.errors import BundleError
    from garcom.model.bundle import read_bundle

    answers = plan.models[model].answers
    if answers is None:
        return None
    try:
        return read_bundle(plan.folder(model, answers), verify=False)
    except BundleError:  # the worker that loads it says what is wrong with it
        return None

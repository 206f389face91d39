"""The pages of logging in and out, in English and Portuguese; they need no script."""

from __future__ import annotations

from html import escape
from typing import NamedTuple
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse

from garcom.http.page_frame import Visitor, page


class Words(NamedTuple):
    """The page in one language."""

    title: str
    name: str
    password: str
    submit: str
    provider: str
    wrong: str
    slowed: str
    stale: str
    failed: str
    no_role: str
    unavailable: str
    log_out: str
    still: str
    back: str


#: By the language's tag.
WORDS = {
    "en": Words(
        title="Log in",
        name="Name",
        password="Password",
        submit="Log in",
        provider="Log in with",
        wrong="The name or the password is not right.",
        slowed="Too many attempts have failed. Try again in a while.",
        stale="The page was too old. Try again.",
        failed="The login did not succeed. Try again.",
        no_role="You are known, but have no role here. Ask an administrator.",
        unavailable="Logging in is not possible at the moment. Try again shortly.",
        log_out="Log out",
        still="You are still logged in: the request to log out did not come from a page of this session.",
        back="Back to the models",
    ),
    "pt": Words(
        title="Entrar",
        name="Nome",
        password="Senha",
        submit="Entrar",
        provider="Entrar com",
        wrong="O nome ou a senha não está certo.",
        slowed="Houve tentativas demais sem sucesso. Tente de novo daqui a pouco.",
        stale="A página era antiga demais. Tente de novo.",
        failed="A entrada não deu certo. Tente de novo.",
        no_role="Você é conhecido, mas não tem papel aqui. Fale com um administrador.",
        unavailable="Não é possível entrar neste momento. Tente de novo em instantes.",
        log_out="Sair",
        still="Você ainda não saiu: o pedido para sair não veio de uma página desta sessão.",
        back="Voltar aos modelos",
    ),
}


def login_page(
    language: str, csrf_token: str, next_path: str, *, provider: str = "", message: str = ""
) -> HTMLResponse:
    """The page; ``provider`` is the name of one that can be logged in at, ``message`` a field of Words."""
    words = WORDS[language]
    told = f'<p class="refusal" role="alert">{escape(getattr(words, message))}</p>' if message else ""
    departure = escape(f"/login/provider?{urlencode({'next': next_path})}")
    other = f'<a class="button other" href="{departure}">{escape(words.provider)} {escape(provider)}</a>'
    return page(
        words.title,
        f'<main class="login"><form method="post" action="/login"><h1>{escape(words.title)}</h1>{told}'
        f"<label>{escape(words.name)}"
        '<input name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus>'
        "</label>"
        f"<label>{escape(words.password)}"
        '<input name="password" type="password" autocomplete="current-password" required></label>'
        f'<input type="hidden" name="csrf_token" value="{escape(csrf_token)}">'
        f'<input type="hidden" name="next" value="{escape(next_path)}">'
        f"<button>{escape(words.submit)}</button></form>{other if provider else ''}</main>",
        language=language,
    )


def still_logged_in(language: str, visitor: Visitor) -> HTMLResponse:
    """What a person sees whose session could not be ended, with the button that ends it."""
    words = WORDS[language]
    return page(
        words.log_out,
        f'<main class="login"><form method="post" action="/logout"><h1>{escape(words.log_out)}</h1>'
        f'<p class="refusal" role="alert">{escape(words.still)}</p>'
        f'<input type="hidden" name="csrf_token" value="{escape(visitor.csrf_token)}">'
        f"<button>{escape(words.log_out)}</button></form>"
        f'<a class="button other" href="/">{escape(words.back)}</a></main>',
        language=language,
    )

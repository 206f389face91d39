"""The words of the start page and of the frames around the documentation, in the languages of the pages."""

from __future__ import annotations

from typing import NamedTuple


class PageWords(NamedTuple):
    """The pages in one language. Those that are put into a page as they are may hold HTML."""

    models: str
    columns: tuple[str, ...]
    default: str
    nothing: str
    version: str
    details: str
    example: str
    tasks: dict[str, str]
    documentation: str
    none_answers: str
    no_model: str
    soon: str
    api: str
    problems: str
    every_error: str
    problem_columns: tuple[str, ...]


#: By the language's tag.
PAGE_WORDS = {
    "en": PageWords(
        models="Models",
        columns=("Model", "Answers", "Task", "Ask it at", ""),
        default="default",
        nothing="nothing",
        version="version",
        details="details",
        example="example",
        tasks={"classification": "classification", "regression": "regression"},
        documentation="Documentation of the API",
        none_answers="No version answers. Choose one with <code>garcom use MODEL:N</code>.",
        no_model="No model is registered yet. Get one in:",
        soon="It answers within a second, without a restart.",
        api="the API of this server",
        problems="Problems",
        every_error="Every error is <code>application/problem+json</code>: <code>detail</code> says what was expected, "
        "what came and what to do; <code>errors</code> says where.",
        problem_columns=("Type", "Status", "When", "What to do"),
    ),
    "pt": PageWords(
        models="Modelos",
        columns=("Modelo", "Responde", "Tarefa", "Pergunte em", ""),
        default="padrão",
        nothing="nada",
        version="versão",
        details="detalhes",
        example="exemplo",
        tasks={"classification": "classificação", "regression": "regressão"},
        documentation="Documentação da API",
        none_answers="Nenhuma versão responde. Escolha uma com <code>garcom use MODELO:N</code>.",
        no_model="Nenhum modelo está registrado ainda. Registre um:",
        soon="Ele responde em um segundo, sem reiniciar.",
        api="a API deste servidor",
        problems="Problemas",
        every_error="Todo erro é <code>application/problem+json</code>, em inglês: <code>detail</code> diz o que se "
        "esperava, o que veio e o que fazer; <code>errors</code> diz onde.",
        problem_columns=("Tipo", "Status", "Quando", "O que fazer"),
    ),
}

"""Findings and reasons in Portuguese. Records tell them in English; what is not known here stays as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from garcom.report_page.writing import Writing

#: What is said in English, and how in Portuguese; ``\1`` and so on are what the parentheses hold.
_SAID: tuple[tuple[str, str], ...] = (
    (
        r"not enough rows: (.+) of (.+) \((.+) errors hang together, and are worth so many\)",
        r"linhas insuficientes: \1 de \2 (\3 erros dependem uns dos outros, e valem por tantos)",
    ),
    (r"not enough rows: (.+) of (.+)", r"linhas insuficientes: \1 de \2"),
    (r"not enough rows of the reference: (.+) of (.+)", r"linhas insuficientes na referência: \1 de \2"),
    (r"not enough rows in a part: (.+) of (.+)", r"linhas insuficientes em uma parte: \1 de \2"),
    (r"all rows came in one part of the time", r"todas as linhas vieram em uma só parte do tempo"),
    (r"of (.+) no profiles are kept by the hour", r"de \1 não se guardam perfis por hora"),
    (r"not enough rows with a value: (.+) of (.+)", r"linhas insuficientes com valor: \1 de \2"),
    (
        r"not enough rows of the reference with a value: (.+) of (.+)",
        r"linhas insuficientes com valor na referência: \1 de \2",
    ),
    (r"not enough rows with both columns: (.+) of (.+)", r"linhas insuficientes com as duas colunas: \1 de \2"),
    (
        r"not enough rows with actuals for a model of the error: (.+) of (.+)",
        r"linhas com valor real insuficientes para um modelo do erro: \1 de \2",
    ),
    (
        r"not calibrated: (.+) of (.+) rows with actuals before it",
        r"não calibrada: antes dela, \1 de \2 linhas com valor real",
    ),
    (r"the rule was changed", r"a regra foi mudada"),
    (r"the rule does not hold for this model any more", r"a regra já não vale para este modelo"),
    (r"not enough actuals: (.+) of (.+)", r"valores reais insuficientes: \1 de \2"),
    (r"the column has vanished: no row has it", r"a coluna sumiu: nenhuma linha a tem"),
    (
        r"the column (.+) has vanished: what the others have in common with it cannot be told",
        r"a coluna \1 sumiu: não se pode dizer o que as outras têm em comum com ela",
    ),
    (
        r"the reference is of all rows, whatever their (.+)",
        r"a referência é de todas as linhas, seja qual for o valor de \1",
    ),
    (r"no row has a value", r"nenhuma linha tem valor"),
    (r"no rows", r"nenhuma linha"),
    (r"no row has come yet", r"nenhuma linha chegou ainda"),
    (r"no actuals yet", r"nenhum valor real ainda"),
    (r"no column varies", r"nenhuma coluna varia"),
    (r"no column could be compared: each says why", r"nenhuma coluna pôde ser comparada: cada uma diz por quê"),
    (r"fewer than two columns vary in the reference", r"menos de duas colunas variam na referência"),
    (
        r"too few rows are expected in each category for a test",
        r"esperam-se linhas de menos em cada categoria para um teste",
    ),
    (r"only one class among the actuals", r"só há uma classe entre os valores reais"),
    (r"only one class among the answers", r"só há uma classe entre as respostas"),
    (r"no actual is of the positive class", r"nenhum valor real é da classe positiva"),
    (r"the positive class was never answered", r"a classe positiva nunca foi respondida"),
    (r"the actuals are all the same", r"os valores reais são todos iguais"),
    (r"the actuals are nearly all the same", r"os valores reais são quase todos iguais"),
    (r"the model gives no probabilities", r"o modelo não dá probabilidades"),
    (r"no cost matrix is given", r"não foi dada matriz de custos"),
    (r"no share of 0: (.+) of (.+) actuals are 0", r"não há parcela de 0: \1 de \2 valores reais são 0"),
    (
        r"no window has both an estimate and enough actuals yet",
        r"nenhum período tem ainda uma estimativa e valores reais suficientes",
    ),
    (
        r"DDM takes errors of labels; this model answers numbers",
        r"o DDM usa erros de rótulos; este modelo responde números",
    ),
    (
        r"DDM takes independent errors; these hang together",
        r"o DDM supõe erros independentes; estes dependem uns dos outros",
    ),
    (
        r"no actual is one of the answers: those are (.+); the actuals are (.+)",
        r"nenhum valor real é uma das respostas: estas são \1; os valores reais são \2",
    ),
    (r"the current rows have no column (.+)", r"as linhas atuais não têm a coluna \1"),
    (
        r"(.+) has no reference profile: it was packed without rows, or by an older Garçom\. "
        r"Pack it again with --data\.",
        r"\1 não tem perfil de referência: foi empacotado sem linhas, ou por um Garçom mais antigo. Empacote de novo "
        r"com --data.",
    ),
    (r"No row has the column (.+)\.", r"Nenhuma linha tem a coluna \1."),
    (r"No row has a value in (.+)\.", r"Nenhuma linha tem valor em \1."),
    (
        r"(.+) is missing in (.+) of the rows, in the reference in (.+)\.",
        r"\1 falta em \2 das linhas; na referência, em \3.",
    ),
    (r"(.+) has a value of the wrong type in (.+) of the rows\.", r"\1 tem um valor do tipo errado em \2 das linhas."),
    (
        r"(.+) of the values of (.+) are outside the range of the reference\.",
        r"\1 dos valores de \2 estão fora da faixa da referência.",
    ),
    (
        r"(.+) of the values of (.+) are categories that the reference does not have: (.+)\.",
        r"\1 dos valores de \2 são categorias que a referência não tem: \3.",
    ),
    (
        r"All rows have the same value in (.+), which varies in the reference\.",
        r"Todas as linhas têm o mesmo valor em \1, que varia na referência.",
    ),
    (r"(.+) of the rows repeat another, in the reference (.+)\.", r"\1 das linhas repetem outra; na referência, \2."),
    (r"No row has come for (.+) hours\.", r"Nenhuma linha chega há \1 horas."),
    (
        r"(.+) rows in the last whole hour, where (.+) are usual\.",
        r"\1 linhas na última hora cheia; o habitual são \2.",
    ),
)
_PORTUGUESE = [(re.compile(english, re.DOTALL), portuguese) for english, portuguese in _SAID]
_NUMBER = re.compile(r"-?\d[\d,]*(\.\d+)?%?")
_WRITING = Writing("pt")


def reason(language: str, text: str) -> str:
    """The sentence in a language; in English where it is not known."""
    if language == "pt":
        for english, portuguese in _PORTUGUESE:
            if found := english.fullmatch(text):
                return _filled(portuguese, [_number(each) for each in found.groups()])
    return text


def _filled(sentence: str, told: Sequence[str]) -> str:
    return re.sub(r"\\(\d)", lambda place: told[int(place[1]) - 1], sentence)


def _number(told: str) -> str:
    """A number as Portuguese writes it; whatever else it is stays as it is."""
    return _WRITING.signs(told) if _NUMBER.fullmatch(told) else told


def language_of(language: str, text: str) -> str:
    """The language in which :func:`reason` says it, as HTML names it."""
    return "pt-BR" if language == "pt" and reason(language, text) != text else "en"

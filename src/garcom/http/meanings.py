"""What each kind of problem means to the person who gets it, and what to do: the texts of ``/docs/problems``."""

from __future__ import annotations

from typing import NamedTuple


class Saying(NamedTuple):
    """Sentences about one kind of problem, in one language."""

    when: str
    remedy: str


class Meaning(NamedTuple):
    """The same in every language of the pages, by their tags."""

    en: Saying
    pt: Saying

    def said(self, language: str) -> Saying:
        """What it says in a language."""
        found: Saying = getattr(self, language)
        return found


#: By the slug that ends a problem's ``type``.
MEANINGS: dict[str, Meaning] = {
    "malformed-body": Meaning(
        en=Saying(
            "The body cannot be read: not JSON, CSV or Arrow at all, in no form that is taken, empty, an empty list, "
            "nested too deeply.",
            "Mend the body.",
        ),
        pt=Saying(
            "O corpo não pode ser lido: não é JSON, CSV nem Arrow, não tem nenhuma das formas aceitas, está vazio, é "
            "uma lista vazia ou tem níveis demais.",
            "Corrija o corpo.",
        ),
    ),
    "invalid-rows": Meaning(
        en=Saying(
            "The body was read, but rows do not fit the model: a field is missing, unknown, wrongly typed, NaN or "
            "Infinity, or given twice; or there are too many rows. Nothing was computed.",
            "Mend the fields that errors names.",
        ),
        pt=Saying(
            "O corpo foi lido, mas há linhas que não servem para o modelo: um campo falta, é desconhecido, tem o tipo "
            "errado, é NaN ou Infinity ou veio duas vezes; ou há linhas demais. Nada foi calculado.",
            "Corrija os campos indicados em errors.",
        ),
    ),
    "actuals-refused": Meaning(
        en=Saying(
            "Some of the actuals do not fit: neither an id nor a key, an answer of another type, a date in the "
            "future, the same prediction twice. None of them was taken; accepted and refused count them.",
            "Mend the rows that errors names, and send all of them again.",
        ),
        pt=Saying(
            "Alguns dos valores reais (actuals) não servem: sem id nem chave, uma resposta de outro tipo, uma data no "
            "futuro, a mesma predição duas vezes. Nenhum deles foi aceito; accepted e refused os contam.",
            "Corrija as linhas indicadas em errors e envie todas de novo.",
        ),
    ),
    "body-too-large": Meaning(
        en=Saying("The body is longer than this server takes.", "Send it in parts."),
        pt=Saying("O corpo é maior do que este servidor aceita.", "Envie-o em partes."),
    ),
    "bundle-refused": Meaning(
        en=Saying(
            "What was uploaded is no bundle, is damaged, holds what no bundle may hold, or is not signed with a key "
            "that is trusted here. Nothing was registered.",
            "Read detail; a trained model becomes a bundle by garcom pack.",
        ),
        pt=Saying(
            "O que foi enviado não é um pacote (bundle), está danificado, contém o que nenhum pacote pode conter ou "
            "não está assinado com uma chave em que se confia aqui. Nada foi registrado.",
            "Leia detail; um modelo treinado vira um pacote com garcom pack.",
        ),
    ),
    "unsupported-media-type": Meaning(
        en=Saying(
            "The Content-Type is missing, or none that is read.",
            "Set it to application/json, text/csv or application/vnd.apache.arrow.stream.",
        ),
        pt=Saying(
            "O Content-Type falta ou não é nenhum dos aceitos.",
            "Use application/json, text/csv ou application/vnd.apache.arrow.stream.",
        ),
    ),
    "key-reused": Meaning(
        en=Saying(
            "An Idempotency-Key came again with another body.",
            "Use a new key for each request that is no repetition.",
        ),
        pt=Saying(
            "Uma Idempotency-Key veio de novo com outro corpo.",
            "Use uma chave nova em cada requisição que não seja uma repetição.",
        ),
    ),
    "misdirected-request": Meaning(
        en=Saying(
            "The Host header names none of the servers that this one is.",
            "Ask it by a name of its own; whoever runs it lists them in the setting access.allowed_hosts.",
        ),
        pt=Saying(
            "O cabeçalho Host não traz nenhum dos nomes deste servidor.",
            "Chame-o por um dos seus nomes; quem o opera os lista na configuração access.allowed_hosts.",
        ),
    ),
    "bad-request": Meaning(
        en=Saying("Something else in the request is wrong.", "Read detail."),
        pt=Saying("Alguma outra coisa na requisição está errada.", "Leia detail."),
    ),
    "unauthenticated": Meaning(
        en=Saying(
            "The server knows nobody by what was sent: no key or token, or one that is wrong, expired or revoked.",
            "Send a key as `Authorization: Bearer gk_…`, or log in.",
        ),
        pt=Saying(
            "O servidor não conhece ninguém pelo que foi enviado: sem chave nem token, ou com um errado, expirado ou "
            "revogado.",
            "Envie uma chave como `Authorization: Bearer gk_…`, ou entre com a sua senha.",
        ),
    ),
    "forbidden": Meaning(
        en=Saying(
            "The server knows who asks, and the roles it has do not permit this.", "Ask an administrator for the role."
        ),
        pt=Saying(
            "O servidor sabe quem pede, e os papéis que essa pessoa ou chave tem não permitem isto.",
            "Peça o papel a um administrador.",
        ),
    ),
    "rate-limited": Meaning(
        en=Saying(
            "The caller, or everybody together on one model, has used up what may be asked for in this time.",
            "Wait Retry-After seconds, and send it again; RateLimit-Remaining tells beforehand what is left.",
        ),
        pt=Saying(
            "Quem pede, ou todos juntos em um modelo, já usou tudo o que pode ser pedido neste intervalo.",
            "Espere Retry-After segundos e envie de novo; RateLimit-Remaining diz antes quanto ainda resta.",
        ),
    ),
    "model-not-found": Meaning(
        en=Saying("No model has this name, or none is the default.", "See GET /v1/models."),
        pt=Saying("Nenhum modelo tem este nome, ou nenhum é o padrão.", "Veja GET /v1/models."),
    ),
    "version-not-found": Meaning(
        en=Saying("The model has no such version, or none that answers.", "See GET /v1/models/{model}."),
        pt=Saying("O modelo não tem esta versão, ou nenhuma que responda.", "Veja GET /v1/models/{model}."),
    ),
    "not-found": Meaning(
        en=Saying("The API has no such path, user, API key or grant.", "See /docs."),
        pt=Saying("A API não tem este caminho, usuário, chave de API ou papel concedido.", "Veja /docs."),
    ),
    "method-not-allowed": Meaning(
        en=Saying("The path is there, but not for this method.", "See the header Allow."),
        pt=Saying("O caminho existe, mas não para este método.", "Veja o cabeçalho Allow."),
    ),
    "conflict": Meaning(
        en=Saying(
            "The present state forbids it; for instance, a model that needs Python on a server that does not allow it.",
            "Ask whoever runs the server.",
        ),
        pt=Saying(
            "O estado atual não permite; por exemplo, um modelo que precisa de Python em um servidor que não o aceita.",
            "Fale com quem opera o servidor.",
        ),
    ),
    "key-busy": Meaning(
        en=Saying(
            "A request with the same Idempotency-Key is still being answered on another connection.",
            "Repeat it in a moment.",
        ),
        pt=Saying(
            "Uma requisição com a mesma Idempotency-Key ainda está sendo respondida em outra conexão.",
            "Repita-a daqui a pouco.",
        ),
    ),
    "served-elsewhere": Meaning(
        en=Saying(
            "The version that answers has no engine: something else serves the model, and its predictions are only "
            "logged here.",
            "Predict where it is served, or let a version with an engine answer.",
        ),
        pt=Saying(
            "A versão que responde não tem motor: outro sistema serve o modelo, e aqui suas predições são apenas "
            "registradas.",
            "Peça a predição onde o modelo é servido, ou deixe responder uma versão com motor.",
        ),
    ),
    "overloaded": Meaning(
        en=Saying(
            "The model's queue, or the room for bodies, is full.", "Wait Retry-After seconds, and send it again."
        ),
        pt=Saying(
            "A fila do modelo, ou o espaço para corpos, está cheia.", "Espere Retry-After segundos e envie de novo."
        ),
    ),
    "journal-unavailable": Meaning(
        en=Saying(
            "The prediction cannot be written down, so it is not given: the server's disk is full, failing or too "
            "slow.",
            "Wait Retry-After seconds, send it again, and tell whoever runs the server.",
        ),
        pt=Saying(
            "A predição não pode ser anotada no diário, por isso não é dada: o disco do servidor está cheio, com "
            "falhas ou lento demais.",
            "Espere Retry-After segundos, envie de novo e avise quem opera o servidor.",
        ),
    ),
    "unavailable": Meaning(
        en=Saying("Not now.", "Wait Retry-After seconds, and send it again."),
        pt=Saying("Agora não.", "Espere Retry-After segundos e envie de novo."),
    ),
    "rows-refused": Meaning(
        en=Saying(
            "The rows fit the fields, but the model has no answer for one of them, such as a category it was never "
            "trained on; errors names the row and the field where they are known.",
            "Send another value, or leave the row out.",
        ),
        pt=Saying(
            "As linhas servem para os campos, mas o modelo não tem resposta para uma delas, como uma categoria que ele "
            "nunca viu no treino; errors indica a linha e o campo quando são conhecidos.",
            "Envie outro valor, ou deixe a linha de fora.",
        ),
    ),
    "engine-error": Meaning(
        en=Saying(
            "What computes the model failed; the rows may well be right.",
            "Try again, and tell whoever runs the server.",
        ),
        pt=Saying(
            "O que calcula o modelo falhou; as linhas podem muito bem estar certas.",
            "Tente de novo e avise quem opera o servidor.",
        ),
    ),
    "bundle-error": Meaning(
        en=Saying("The stored bundle is damaged.", "Remove the version, and register the bundle again."),
        pt=Saying("O pacote (bundle) guardado está danificado.", "Remova a versão e registre o pacote de novo."),
    ),
    "internal-error": Meaning(
        en=Saying("A fault of Garçom's own.", "Report it, with the log of this request_id."),
        pt=Saying("Uma falha do próprio Garçom.", "Relate-a, com o log deste request_id."),
    ),
}

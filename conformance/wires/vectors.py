"""Vectors and orders: what every vendor that makes them makes of a text, and each one's strict way to be asked. Sources: the vendors'
references, "Embeddings", "Embed", "Rerank", "Generate embeddings"."""
from __future__ import annotations

import base64
import struct
from typing import Any, Dict, List

from .base import Call, Refused, flag, items, known, number, word

COUNTED = 7
AIMS = ("search_document", "search_query", "classification", "clustering")
TASKS = ("RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", "CLASSIFICATION", "CLUSTERING", "QUESTION_ANSWERING",
         "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY")


def vector(text: str, length: int = 4) -> List[float]:
    """Floats of four bytes that are exact in either form, and another for each text."""
    return [(sum(text.encode()) * (at + 1)) % 997 / 512 for at in range(length)]


def openai(call: Call, model: str) -> Any:
    body = known(call.body, "body", "model input", "encoding_format dimensions user")
    named(body, model)
    given = body["input"] if isinstance(body["input"], list) else [body["input"]]
    packed = word(body.get("encoding_format", "float"), "encoding_format", ("float", "base64")) == "base64"
    data = []
    for index, text in enumerate(items(given, "input", 1)):
        made: Any = vector(word(text, f"input[{index}]"), body.get("dimensions", 4))
        if packed:
            made = base64.b64encode(struct.pack(f"<{len(made)}f", *made)).decode()
        data.append({"object": "embedding", "index": index, "embedding": made})
    return {"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": COUNTED, "total_tokens": COUNTED}}


def gemini(call: Call, model: str) -> Any:
    made = []
    for at, request in enumerate(items(known(call.body, "body", "requests")["requests"], "requests", 1)):
        known(request, f"requests[{at}]", "content model", "taskType title outputDimensionality embedContentConfig")
        if request["model"] != f"models/{model}":
            raise Refused("The model of a request must be that of the batch.")
        word(request.get("taskType", TASKS[0]), f"requests[{at}].taskType", TASKS)
        parts = items(known(request["content"], f"requests[{at}].content", "parts", "role")["parts"], "parts", 1)
        made.append({"values": vector("\n".join(known(part, "part", "text")["text"] for part in parts), request.get("outputDimensionality", 4))})
    return {"embeddings": made, "usageMetadata": {"promptTokenCount": COUNTED}}


def cohere(call: Call, model: str) -> Any:
    body = known(call.body, "body", "model texts input_type", "embedding_types output_dimension truncate max_tokens priority")
    named(body, model)
    word(body["input_type"], "input_type", AIMS)
    word(body.get("truncate", "END"), "truncate", ("NONE", "START", "END"))
    texts = items(body["texts"], "texts", 1)
    if len(texts) > 96:
        raise Refused("texts: at most 96")
    if body.get("embedding_types", ["float"]) != ["float"]:
        raise Refused("this vendor has floats only")
    made = [vector(word(text, "texts"), body.get("output_dimension", 4)) for text in texts]
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": COUNTED}}
    return {"id": "83e3e297", "embeddings": {"float": made}, "texts": texts, "meta": meta, "response_type": "embeddings_by_type"}


def ollama(call: Call, model: str) -> Any:
    body = known(call.body, "body", "model input", "truncate dimensions options keep_alive")
    named(body, model)
    flag(body.get("truncate", True), "truncate")
    given = body["input"] if isinstance(body["input"], list) else [body["input"]]
    made = [vector(word(text, "input"), body.get("dimensions", 4)) for text in given]
    return {"model": model, "embeddings": made, "total_duration": 14143917, "load_duration": 1019500, "prompt_eval_count": COUNTED}


def ollama_one(call: Call, model: str) -> Any:
    body = known(call.body, "body", "model prompt", "options keep_alive")
    named(body, model)
    return {"embedding": vector(word(body["prompt"], "prompt"))}


def order(call: Call, model: str, may: str) -> List[Dict[str, Any]]:
    """The longest document first."""
    body = known(call.body, "body", "model query documents", f"top_n {may}")
    named(body, model)
    word(body["query"], "query")
    texts = [word(text, f"documents[{at}]") for at, text in enumerate(items(body["documents"], "documents", 1))]
    most = number(body.get("top_n", len(texts)), "top_n", 1, 1000, whole=True)
    places = sorted(range(len(texts)), key=lambda at: -len(texts[at]))[: int(most)]
    return [{"index": at, "relevance_score": len(texts[at]) / 1024} for at in places]


def cohere_order(call: Call, model: str) -> Any:
    results = order(call, model, "max_tokens_per_doc priority")
    return {"id": "83e3e297", "results": results, "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}}


def jina_order(call: Call, model: str) -> Any:
    return {"model": model, "results": order(call, model, "return_documents"), "usage": {"total_tokens": COUNTED}}


def named(body: Dict[str, Any], model: str) -> None:
    if body["model"] not in (model, f"{model}:latest"):
        raise Refused(f"model '{body['model']}' not found", 404)

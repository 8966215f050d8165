"""Fake vendors of six wires: strict about what is asked, and the last thing a user says decides the answer. See README.md."""
from typing import List, Type

from .base import Vendor
from .chat import Cerebras, Chat, Deepseek
from .cohere import Cohere
from .converse import Converse
from .gemini import Gemini
from .messages import Messages, Older
from .ollama import Ollama

ALL: List[Type[Vendor]] = [Chat, Deepseek, Cerebras, Messages, Older, Gemini, Converse, Cohere, Ollama]

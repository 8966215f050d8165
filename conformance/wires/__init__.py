"""Fake vendors, one a wire: strict about what is asked, and the last thing a user says decides the answer. See README.md."""
from typing import List, Type

from .base import Vendor
from .chat import Chat
from .cohere import Cohere
from .converse import Converse
from .gemini import Gemini
from .messages import Messages
from .ollama import Ollama

ALL: List[Type[Vendor]] = [Chat, Messages, Gemini, Converse, Cohere, Ollama]

"""openai-python, of any version from 1.66 on: chat completions, tools, JSON, Responses, and the small ones."""

import openai_chat  # noqa: F401 - each of these registers its checks
import openai_responses  # noqa: F401
import openai_tools  # noqa: F401

from checks import main

main()

"""`python -m langchain_privacy` is the `langchain-privacy` command."""

import sys

from langchain_privacy.cli import main

sys.exit(main())

"""python -m fauxto"""

import sys

from fauxto.cli import main

sys.exit(main())

"""Instructions by library, out of what callgrind_annotate prints."""

from __future__ import annotations

from benchmarks.instructions import by_library

LISTING = """\
Ir
--------------------------------------------------------------------------------
178,530,803 (100.0%)  PROGRAM TOTALS

45,175,892 (25.30%)  ???:_PyEval_EvalFrameDefault [/usr/bin/python3.11]
28,118,059 (15.75%)  ???:_PyEval_EvalFrameDefault'2 [/usr/bin/python3.11]
 4,097,138 ( 2.29%)  ???:0x000000000053fb50 [/usr/bin/python3.11]
 1,672,072 ( 0.94%)  ./malloc/./malloc/malloc.c:_int_free [/usr/lib/x86_64-linux-gnu/libc.so.6]
   972,510 ( 0.54%)  ./malloc/./malloc/malloc.c:malloc [/usr/lib/x86_64-linux-gnu/libc.so.6]
         3 ( 0.00%)  ???:somewhere
"""


def test_every_line_counts_for_its_library_and_the_total_for_none() -> None:
    assert by_library(LISTING) == {
        "the interpreter's loop": 45_175_892 + 28_118_059,
        "python3.11": 4_097_138,
        "libc.so.6": 1_672_072 + 972_510,
        "elsewhere": 3,
    }

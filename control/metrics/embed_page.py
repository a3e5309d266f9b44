#!/usr/bin/env python3
"""Embeds the page into evenkeeld: embed_page.py PAGE.html OUT.cc.

The policy that goes with it lets the browser run this very script and this very style, by their hashes, and ask this
server; nothing else.
"""
import base64
import hashlib
import re
import sys

PART = 8000  # bytes of one string literal


def hash_of(page: str, tag: str) -> str:
    [content] = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.S)
    return "'sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() + "'"


def literal(text: bytes) -> str:
    parts = (text[i:i + PART] for i in range(0, len(text), PART))
    return "\n".join('"' + "".join(f"\\{byte:03o}" if byte < 32 or byte > 126 or byte in b'"\\?' else chr(byte)
                                   for byte in part) + '"' for part in parts)


def main() -> None:
    source, out = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        page = file.read()
    policy = (f"default-src 'none'; script-src {hash_of(page, 'script')}; style-src {hash_of(page, 'style')}; "
              "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    data = page.encode()
    with open(out, "w", encoding="ascii") as file:
        file.write('#include "control/metrics/page.h"\n\nnamespace evenkeel {\n\n'
                   f"const char kPage[] =\n{literal(data)};\nconst size_t kPageSize = sizeof(kPage) - 1;\n"
                   f"const char kPagePolicy[] =\n{literal(policy.encode())};\n\n}}  // namespace evenkeel\n")


main()
